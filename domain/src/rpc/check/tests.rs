//! Against a block that anvil made: three transactions of three types, two of which store and log.

use serde_json::json;

use super::*;

/// `block`, `hashes`, `receipts`, `logs`, `proof` of a contract with one slot of two, and of an account that is `absent`.
fn fixture() -> Value {
    serde_json::from_str(include_str!("fixture.json")).expect("is JSON")
}

fn anchor() -> Anchor {
    let fixture = fixture();
    Anchor::read(&fixture["block"], Some(&fixture["receipts"])).expect("is a block")
}

/// Every kind of question about the block, with the right answer.
fn answered() -> Vec<(Question, Value)> {
    let fixture = fixture();
    let number = anchor().number();
    let slots = |proof: &Value| {
        let proofs = proof["storageProof"].as_array().expect("is a list").iter();
        proofs.map(|slot| B256::from(parse::<U256>(&slot["key"]).expect("is a slot"))).collect()
    };
    let proof = |proof: &Value| Question::Proof {
        number,
        account: parse(&proof["address"]).expect("is an address"),
        slots: slots(proof),
    };
    let logged: Address = parse(&fixture["logs"][0]["address"]).expect("is an address");
    let of_address: Vec<_> = fixture["logs"].as_array().expect("is a list")[..2].to_vec();
    vec![
        (Question::Latest, fixture["hashes"].clone()),
        (Question::Block { number, full: false }, fixture["hashes"].clone()),
        (Question::Block { number, full: true }, fixture["block"].clone()),
        (Question::BlockByHash { hash: anchor().hash, full: true }, fixture["block"].clone()),
        (Question::Receipts { number }, fixture["receipts"].clone()),
        (Question::Logs { number, address: None, topic: None }, fixture["logs"].clone()),
        (Question::Logs { number, address: Some(logged), topic: None }, json!(of_address)),
        (proof(&fixture["proof"]), fixture["proof"].clone()),
        (proof(&fixture["absent"]), fixture["absent"].clone()),
    ]
}

#[test]
fn right_answers_are_right() {
    let anchor = anchor();
    assert!(anchor.bodies && anchor.receipts.is_some() && anchor.accounts().len() >= 5);
    for (question, answer) in answered() {
        assert_eq!(check(&question, &anchor, None, &answer), Ok(()), "{question:?}");
    }
}

/// Says what no other part of the answer, nor the chain, commits to.
fn is_uncommitted(path: &str) -> bool {
    let name = path.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
    // Sums of what is committed to, prices that follow from the header, and times that nodes may leave out.
    ["size", "totalDifficulty", "gasPrice", "effectiveGasPrice", "blobGasPrice", "blockTimestamp", "v"].contains(&name)
}

/// Every place in a document, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| places(value, &format!("{at}/{n}"), found));
            found.push(at.to_owned());
        }
        _ => found.push(at.to_owned()),
    }
}

/// The same value with another last digit, truth, or length.
fn other(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => {
            let last = text.chars().next_back()?.to_digit(16)?;
            Some(json!(format!("{}{:x}", &text[..text.len() - 1], last ^ 1)))
        }
        Value::Bool(truth) => Some(json!(!truth)),
        Value::Array(items) => Some(json!(items.get(1..)?)),
        _ => None,
    }
}

#[test]
fn an_answer_with_anything_changed_is_wrong() {
    let anchor = anchor();
    let (mut changed, mut passed) = (0, vec![]);
    for (question, answer) in answered() {
        let mut found = vec![];
        places(&answer, "", &mut found);
        for place in found {
            let mut spoilt = answer.clone();
            let Some(value) = spoilt.pointer_mut(&place) else { continue };
            let Some(other) = other(value).filter(|other| other != value) else { continue };
            let was = std::mem::replace(value, other.clone());
            let verdict = check(&question, &anchor, None, &spoilt);
            if verdict.is_ok() && !is_uncommitted(&place) {
                passed.push(format!("{question:?}: {place} was {was}, {other} passes"));
            }
            changed += usize::from(verdict.is_err());
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    assert!(changed > 300, "{changed} changes were seen");
}
