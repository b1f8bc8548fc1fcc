//! The `OpenAPI` 3.1 document, made from the table of operations and the schemas of their answers.

use super::operations::{Field, GROUPS, Operation, Place, Type};
use crate::{
    domain::right::Right,
    inbound::api::{Kind, PROBLEM_JSON, Takes},
};
use serde_json::{Map, Value, json};

/// What answers look like.
const SCHEMAS: &str = include_str!("../../../assets/api/schemas.json");

/// What the document says about itself.
const ABOUT: &str = "What other programs ask of signalbox, as an operator: with a key that `signalbox operator key new` makes and \
    with exactly the operator's rights, in one organisation. Every operation is a command of the command line; answers are what it \
    prints with --json. A request that creates something may name itself (Idempotency-Key): asked again within a day, it is not \
    carried out twice and gets the same answer. 10 requests a second per key, 50 at once.";

/// The document.
pub fn openapi(version: &str) -> String {
    let mut paths = Map::new();
    for (group, operations) in GROUPS {
        for operation in *operations {
            let place = paths.entry(operation.path).or_insert_with(|| json!({}));
            place[operation.method.to_lowercase()] = described(group, operation);
        }
    }
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "signalbox", "version": version, "description": ABOUT },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    });
    // A map of strings always has a JSON.
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

fn described(group: &str, operation: &Operation) -> Value {
    let needs = match operation.right {
        Right::Sees => "Every operator may.",
        Right::Runs => "Viewers may not.",
        Right::Administers => "Admins may.",
    };
    let mut parameters: Vec<Value> = operation
        .fields
        .iter()
        .filter(|field| field.place != Place::Body)
        .map(|field| {
            json!({
                "name": field.name,
                "in": if field.place == Place::Path { "path" } else { "query" },
                "required": field.needed,
                "description": field.about,
                "schema": schema_of(field),
            })
        })
        .collect();
    if operation.creates {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "what this request is called: asked again under the same name, it is not carried out twice",
            "schema": { "type": "string", "minLength": 1, "maxLength": 200 },
        }));
    }
    let mut value = json!({
        "operationId": operation.id,
        "tags": [group],
        "summary": operation.about,
        "description": needs,
        "parameters": parameters,
        "responses": responses(operation),
    });
    if let Some(body) = body_of(operation) {
        value["requestBody"] = body;
    }
    value
}

fn reference(schema: &str) -> Value {
    match schema.strip_suffix("[]") {
        Some(one) => json!({ "type": "array", "items": reference(one) }),
        None => json!({ "$ref": format!("#/components/schemas/{schema}") }),
    }
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    let done = json!({
        "description": operation.about,
        "content": { "application/json": { "schema": reference(operation.answer) } },
    });
    responses.insert(operation.status().to_string(), done);
    for kind in Kind::ALL {
        let problem = json!({
            "description": format!("not done: {}", kind.code().replace('_', " ")),
            "content": { PROBLEM_JSON: { "schema": reference("Problem") } },
        });
        responses.insert(kind.status().as_u16().to_string(), problem);
    }
    Value::Object(responses)
}

fn body_of(operation: &Operation) -> Option<Value> {
    let schema = match operation.takes {
        Takes::Nothing => return None,
        Takes::Json => fields_of(operation),
        Takes::Campaign => {
            json!({ "type": "object", "description": "a campaign file, as assets/examples has them" })
        }
        Takes::Csv => json!({ "type": "string", "description": "a header and a row for each person" }),
    };
    let has_needed = operation.fields.iter().any(|field| field.needed && field.place == Place::Body);
    let content: Map<String, Value> = operation
        .takes
        .types()
        .iter()
        .map(|kind| {
            // A file of another form is a text to JSON's schemas.
            let schema =
                if *kind == "application/toml" { json!({ "type": "string" }) } else { schema.clone() };
            ((*kind).to_owned(), json!({ "schema": schema }))
        })
        .collect();
    Some(json!({ "required": has_needed || operation.takes != Takes::Json, "content": content }))
}

fn fields_of(operation: &Operation) -> Value {
    let fields = || operation.fields.iter().filter(|field| field.place == Place::Body);
    let properties: Map<String, Value> = fields()
        .map(|field| {
            let mut schema = schema_of(field);
            schema["description"] = json!(field.about);
            (field.name.to_owned(), schema)
        })
        .collect();
    let needed: Vec<&str> = fields().filter(|field| field.needed).map(|field| field.name).collect();
    json!({ "type": "object", "properties": properties, "required": needed, "additionalProperties": false })
}

fn schema_of(field: &Field) -> Value {
    match field.kind {
        Type::Whole if field.name == "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 1000 }),
        Type::Text | Type::Time => json!({ "type": "string" }),
        Type::Id => json!({ "type": "string", "format": "uuid" }),
        Type::Phone => json!({ "type": "string", "examples": ["+237600000001"] }),
        Type::Whole => json!({ "type": "integer" }),
        Type::WholeOrNone => json!({ "type": ["integer", "null"] }),
        Type::TextOrNone => json!({ "type": ["string", "null"] }),
        Type::Number => json!({ "type": "number" }),
        Type::Flag => json!({ "type": "boolean" }),
        Type::Word(words) => json!({ "type": "string", "enum": words }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_schema() {
        let schemas: Value = serde_json::from_str(SCHEMAS).unwrap();
        for operation in super::super::operations::all() {
            let name = operation.answer.trim_end_matches("[]");
            assert!(schemas[name].is_object(), "{name} of {}", operation.id);
        }
        assert!(schemas["Problem"].is_object());
    }
}
