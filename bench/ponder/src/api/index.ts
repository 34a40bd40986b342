// Ponder does not start without an API. The benchmark asks only for its own routes (`/ready`).
import { Hono } from "hono";

export default new Hono();
