//! What holds for every route, and is said of every route in the OpenAPI document: how ids are spelt, how refusals look, which of them any
//! route can answer.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

const PROBLEM: &str = "application/problem+json";

/// Answers of what stands before every route (limits, time, the database), and of what reads parameters and bodies.
const OF_ALL: [(&str, &str); 4] = [
    ("429", "One network asks too much"),
    ("500", "Something went wrong here"),
    ("503", "The database or the chain's endpoint does not answer"),
    ("504", "Not done in time"),
];
const OF_PARAMETERS: [(&str, &str); 1] = [("400", "A parameter can't be read")];
const OF_BODIES: [(&str, &str); 4] = [
    ("400", "The body is not JSON"),
    ("413", "The body is too large"),
    ("415", "The body is not said to be JSON"),
    ("422", "The body breaks a rule"),
];

pub fn finish(described: &OpenApi) -> Value {
    let mut document = json!(described);
    for (path, item) in object(&mut document["paths"]) {
        for (method, operation) in object(item) {
            describe(path, method, operation);
        }
    }
    // Each is a part of a union, whose `kind` stands beside its own fields.
    for kind in ["SequencerSpec", "RpcSpec"] {
        object(&mut document["components"]["schemas"][kind]).remove("additionalProperties");
    }
    document
}

fn describe(path: &str, method: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    let has_parameters = parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    for parameter in parameters.into_iter().flatten() {
        let bytes = parameter["name"].as_str().and_then(|name| id_bytes(path, name));
        if let Some(bytes) = bytes {
            parameter["schema"]["pattern"] = format!("^0x[0-9a-fA-F]{{{}}}$", 2 * bytes).into();
        }
    }
    let responses = object(&mut operation["responses"]);
    for (status, response) in &mut *responses {
        if status.as_str() >= "400"
            && let Some(content) = response.get_mut("content").and_then(Value::as_object_mut)
            && let Some(problem) = content.remove("application/json")
        {
            content.insert(PROBLEM.to_owned(), problem);
        }
    }
    if method == "get" && responses.get("200").is_some_and(|ok| ok["content"].get("application/json").is_some()) {
        responses.insert("304".to_owned(), json!({ "description": "The same as `If-None-Match` names" }));
    }
    let of_parameters = OF_PARAMETERS.iter().filter(|_| has_parameters);
    let of_bodies = OF_BODIES.iter().filter(|_| has_body);
    for (status, description) in OF_ALL.iter().chain(of_parameters).chain(of_bodies) {
        responses.entry(*status).or_insert_with(|| {
            let schema = json!({ "$ref": "#/components/schemas/Problem" });
            json!({ "description": description, "content": { PROBLEM: { "schema": schema } } })
        });
    }
}

/// How many bytes an id, a hash or an address has.
fn id_bytes(path: &str, name: &str) -> Option<usize> {
    match name {
        "poster" | "token" | "runner" | "account" | "node" | "payee" | "address" => Some(20),
        "bounty" | "engagement" | "hash" | "commitment" => Some(32),
        "id" if path.starts_with("/v1/auth/") || path.starts_with("/v1/webhooks/") => Some(16),
        "id" => Some(32),
        _ => None,
    }
}

/// What is not there is made: the document's own parts are objects.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("was made one"),
    }
}
