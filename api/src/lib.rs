//! The REST API: reads of the mirror, and writes that carry the signatures which authorise them. Holds no keys but those of
//! its access tokens; anything it could hide or refuse can be done on chain directly.

pub mod auth;
mod clock;
mod connections;
mod cors;
mod error;
mod etag;
mod extract;
mod idempotency;
mod limits;
mod payment;
mod routes;
mod server;
mod state;
mod stream;
mod tokens;
mod views;

pub use cors::Origins;
use error::{Error, Result};
pub use limits::{Grants, Limits};
pub use routes::openapi;
pub use server::{Config, serve};
