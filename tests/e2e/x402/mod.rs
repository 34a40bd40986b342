//! Paying by x402: with unmodified clients, and in every way that goes wrong. Money is in the bounty, or it has not moved.

mod till;

use std::process::Stdio;

use alloy::providers::Provider;
use futures::future::join_all;
use piecework_domain::x402::header;
use piecework_domain::{B256, U256};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::cast::{Cast, eventually};
use crate::dev::Dev;
use crate::interop::{command, script};
use till::Till;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_pays_by_x402_has_a_bounty_for_it_or_its_money() {
    let dev = Dev::start_without(&["verify", "run"]);
    let cast = Cast::of(&dev);
    let till = Till::new(&cast);
    eventually("the operator's tokens are known", 20, || async {
        let supported: Value = cast.api.get("/x402/supported").await.ok()?;
        (supported["kinds"][0]["network"] == "eip155:31337").then_some(())
    })
    .await;

    a_stock_client_posts_a_bounty_in_one_call(&till).await;
    the_same_payment_twenty_times_is_one(&till).await;
    what_does_not_pay_exactly_this_moves_nothing(&till).await;
    who_submits_the_authorization_itself_has_paid_all_the_same(&till).await;
    of_two_payers_one_pays(&till).await;
    a_payment_under_way_is_pending_until_it_is_known(&till).await;
    payments_have_names(&till).await;
    a_stock_seller_is_settled_by_our_facilitator(&till).await;
    one_nonce_signed_twice_pays_whom_it_paid(&till).await;
    what_a_payer_has_under_way_is_counted(&till).await;
    who_answers_otherwise_in_a_block_costs_one_transaction(&till).await;
    what_would_be_sent_back_is_not_taken(&till).await;
    the_facilitator_says_why_not(&till).await;
    what_somebody_else_settled_is_settled_again_after_a_reorg(&till).await;
}

async fn a_stock_client_posts_a_bounty_in_one_call(till: &Till<'_>) {
    let terms = till.terms(1, till.cast.now().await.plus(600));
    let cost = terms.cost(3).unwrap().0;
    let payer = till.payer(cost).await;
    let offer = till.file("offer.json", &till.cast.offer(&terms).to_string());
    let key = till.file("payer.key", &payer.to_bytes().to_string());
    let (offer, key) = (offer.display().to_string(), key.display().to_string());
    let answer = script("post.mjs", &[&till.cast.dev.ready.api_url, &offer, &key]).await;
    assert_eq!(answer["status"], 201, "{answer}");
    assert_eq!(answer["settlement"]["success"], true, "{answer}");
    assert_eq!(answer["body"]["id"], json!(till.cast.bounty_id(&terms)));
    assert_eq!(answer["body"]["escrow"], json!(cost.to_string()));
    assert_eq!(till.dollars(payer.address()).await, U256::ZERO);
    assert_eq!(till.cast.balance(payer.address()).await, U256::ZERO, "it never had gas");
}

async fn the_same_payment_twenty_times_is_one(till: &Till<'_>) {
    let terms = till.terms(2, till.cast.now().await.plus(600));
    let cost = terms.cost(3).unwrap().0;
    let payer = till.payer(cost * U256::from(3)).await;
    let payload = till.paid(&terms, &payer, 1).await;
    let sent = till.sent().await;
    let answers = join_all((0..20).map(|_| till.post(&terms, Some(&payload)))).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.settled()), (201, true), "{answer:?}");
        assert_eq!(answer.settlement, answers[0].settlement, "all hear the same");
    }
    assert_eq!(till.dollars(payer.address()).await, cost * U256::from(2), "one was paid");
    assert_eq!(till.sent().await - sent, 2, "one settlement, one posting");
    // Later, too, and it costs nothing.
    let again = till.post(&terms, Some(&payload)).await;
    assert_eq!((again.status, &again.settlement), (201, &answers[0].settlement));
    let other = till.paid(&terms, &payer, 2).await;
    let free = till.post(&terms, Some(&other)).await;
    assert_eq!((free.status, free.settlement), (201, None), "nobody pays for what is there");
    assert_eq!(till.dollars(payer.address()).await, cost * U256::from(2));
}

async fn what_does_not_pay_exactly_this_moves_nothing(till: &Till<'_>) {
    let now = till.cast.now().await;
    let terms = till.terms(3, now.plus(600));
    let changed = till.terms(4, now.plus(600));
    let cost = terms.cost(3).unwrap().0;
    let payer = till.payer(cost).await;
    let required = till.required(&terms);
    let good = till.authorization(&payer, &required, 1).await;
    let with = |change: &dyn Fn(&mut piecework_domain::x402::exact::Payment)| {
        let mut payment = good.clone();
        change(&mut payment);
        till.sign(&payer, &mut payment);
        till.payload(&required, &payment)
    };
    let poor = till.payer(cost - U256::ONE).await;
    let unfunded = till.authorization(&poor, &required, 1).await;
    let stranger = till.payer(U256::ZERO).await;
    let mut forged = good.clone();
    till.sign(&stranger, &mut forged);
    let mut other_network = till.payload(&required, &good);
    other_network.accepted.network = "eip155:1".to_owned();
    let mut other_scheme = till.payload(&required, &good);
    other_scheme.accepted.scheme = "upto".to_owned();
    let mut no_payload = till.payload(&required, &good);
    no_payload.payload = json!({});
    let mut version = till.payload(&required, &good);
    version.version = 1;
    let cases = [
        ("for changed terms", till.payload(&till.required(&changed), &good), "invalid_payment_requirements"),
        ("too little", with(&|p| p.value -= U256::ONE), "invalid_exact_evm_payload_authorization_value_mismatch"),
        ("too much", with(&|p| p.value += U256::ONE), "invalid_exact_evm_payload_authorization_value_mismatch"),
        ("to somebody else", with(&|p| p.to = p.from), "invalid_exact_evm_payload_recipient_mismatch"),
        (
            "too late",
            with(&|p| p.valid_before = U256::from(now.0)),
            "invalid_exact_evm_payload_authorization_valid_before",
        ),
        (
            "too early",
            with(&|p| p.valid_after = U256::from(now.0 + 500)),
            "invalid_exact_evm_payload_authorization_valid_after",
        ),
        ("by a stranger", till.payload(&required, &forged), "invalid_exact_evm_payload_signature"),
        ("without funds", till.payload(&required, &unfunded), "insufficient_funds"),
        ("elsewhere", other_network, "invalid_network"),
        ("otherwise", other_scheme, "unsupported_scheme"),
        ("with nothing", no_payload, "invalid_payload"),
        ("by an old version", version, "invalid_x402_version"),
    ];
    for (what, payload, code) in cases {
        let answer = till.post(&terms, Some(&payload)).await;
        assert_eq!((answer.status, answer.code()), (402, code), "paying {what}: {answer:?}");
        let settlement = answer.settlement.expect("a refused payment is told");
        assert_eq!((settlement.success, settlement.error_reason.as_deref()), (false, Some(code)), "paying {what}");
    }
    for (what, header) in [("no base64", "%"), ("no JSON", "AAAA"), ("no payload", "e30=")] {
        let answer = till.post_with(&terms, Some(header.to_owned())).await;
        assert_eq!((answer.status, answer.code()), (400, "malformed_payment"), "{what}: {answer:?}");
    }
    // What the token refuses is kept nowhere, and nobody's payment waits for it.
    for refused in [&unfunded, &forged] {
        let kept = till.cast.api.get::<Value>(&format!("/v1/payments/{}", refused.id(&till.asset))).await;
        assert_eq!(kept.expect_err("was refused at once").code(), Some("payment_not_found"));
    }
    assert_eq!(till.dollars(payer.address()).await, cost, "nothing has moved");
    // The same nonce is good for what it was signed for.
    let answer = till.post(&terms, Some(&till.payload(&required, &good))).await;
    assert_eq!((answer.status, answer.settled()), (201, true), "{answer:?}");
}

async fn who_submits_the_authorization_itself_has_paid_all_the_same(till: &Till<'_>) {
    let terms = till.terms(5, till.cast.now().await.plus(600));
    let payer = till.payer(terms.cost(3).unwrap().0).await;
    let required = till.required(&terms);
    let payment = till.authorization(&payer, &required, 1).await;
    let raced = till.race(&payment).await;
    let answer = till.post(&terms, Some(&till.payload(&required, &payment))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let settlement = answer.settlement.expect("is told");
    assert_eq!((settlement.success, settlement.transaction), (true, raced.to_string()));
}

async fn of_two_payers_one_pays(till: &Till<'_>) {
    let terms = till.terms(6, till.cast.now().await.plus(600));
    let cost = terms.cost(3).unwrap().0;
    let (one, two) = (till.payer(cost).await, till.payer(cost).await);
    let (first, second) = (till.paid(&terms, &one, 1).await, till.paid(&terms, &two, 1).await);
    let (a, b) = tokio::join!(till.post(&terms, Some(&first)), till.post(&terms, Some(&second)));
    let mut left = [till.dollars(one.address()).await, till.dollars(two.address()).await];
    left.sort();
    assert_eq!(left, [U256::ZERO, cost], "one of them has its money: {a:?} {b:?}");
    for answer in [&a, &b] {
        let busy = (answer.status, answer.code()) == (409, "payment_in_progress");
        assert!(busy || answer.status == 201, "{answer:?}");
    }
    for payload in [&first, &second] {
        assert_eq!(till.post(&terms, Some(payload)).await.status, 201);
    }
    left.sort();
    assert_eq!(till.dollars(one.address()).await + till.dollars(two.address()).await, cost);
}

async fn a_payment_under_way_is_pending_until_it_is_known(till: &Till<'_>) {
    let terms = till.terms(7, till.cast.now().await.plus(900));
    let cost = terms.cost(3).unwrap().0;
    let payer = till.payer(cost).await;
    let payload = till.paid(&terms, &payer, 1).await;
    let chain = &till.cast.chain;
    chain.raw_request::<_, Value>("evm_setAutomine".into(), json!([false])).await.expect("anvil obeys");
    chain.raw_request::<_, Value>("evm_setIntervalMining".into(), json!([0])).await.expect("anvil obeys");
    let pending = till.post(&terms, Some(&payload)).await;
    let settlement = pending.settlement.clone().expect("is told");
    assert_eq!((pending.status, settlement.success), (202, false), "{pending:?}");
    assert_eq!(settlement.error_reason.as_deref(), Some("settlement_pending"));
    let path = format!("/v1/payments/{}", pending.body["payment"].as_str().unwrap());
    let known: Value = till.cast.api.get(&path).await.expect("is known");
    assert_eq!((&known["state"], &known["txHash"]), (&json!("unknown"), &json!(settlement.transaction)), "{known}");
    chain.raw_request::<_, Value>("evm_setIntervalMining".into(), json!([1])).await.expect("anvil obeys");
    chain.raw_request::<_, Value>("evm_setAutomine".into(), json!([true])).await.expect("anvil obeys");
    let settled = eventually("the same request hears that it is settled", 30, || async {
        let answer = till.post(&terms, Some(&payload)).await;
        (answer.status == 201).then_some(answer)
    })
    .await;
    assert_eq!(
        settled.settlement.map(|settlement| settlement.transaction),
        Some(settlement.transaction),
        "the same transaction"
    );
    let known: Value = till.cast.api.get(&path).await.expect("is known");
    assert_eq!(known["state"], "settled", "{known}");
    assert_eq!(till.dollars(payer.address()).await, U256::ZERO);
    let unknown = till.cast.api.get::<Value>(&format!("/v1/payments/{}", B256::repeat_byte(1))).await;
    assert_eq!(unknown.expect_err("was never made").code(), Some("payment_not_found"));
}

async fn payments_have_names(till: &Till<'_>) {
    let now = till.cast.now().await;
    let (terms, other) = (till.terms(8, now.plus(600)), till.terms(9, now.plus(600)));
    let payer = till.payer(terms.cost(3).unwrap().0 * U256::from(2)).await;
    let named = |mut payload: piecework_domain::x402::PaymentPayload, id: &str| {
        payload.extensions = Some(json!({ "payment-identifier": { "info": { "required": false, "id": id } } }));
        payload
    };
    let first = named(till.paid(&terms, &payer, 1).await, "pay_000000000000000001");
    assert_eq!(till.post(&terms, Some(&first)).await.status, 201);
    assert_eq!(till.post(&terms, Some(&first)).await.status, 201, "the same again");
    let second = named(till.paid(&other, &payer, 2).await, "pay_000000000000000001");
    let answer = till.post(&other, Some(&second)).await;
    assert_eq!((answer.status, answer.code()), (409, "payment_identifier_used"), "{answer:?}");
    let bad = named(till.paid(&other, &payer, 2).await, "short");
    let answer = till.post(&other, Some(&bad)).await;
    assert_eq!((answer.status, answer.code()), (400, "malformed_payment_identifier"), "{answer:?}");
}

async fn a_stock_seller_is_settled_by_our_facilitator(till: &Till<'_>) {
    let ready = &till.cast.dev.ready;
    let seller = till.cast.address("payee1");
    let (facilitator, network) = (format!("{}/x402", ready.api_url), format!("eip155:{}", ready.chain_id));
    let (token, payee) = (till.asset.token.to_string(), seller.to_string());
    let arguments = [&*facilitator, &*network, &*token, "Test USD", "1", &*payee];
    let mut shop = command("sell.mjs", &arguments).stdout(Stdio::piped()).spawn().expect("node runs");
    let mut url = String::new();
    let stdout = shop.stdout.take().expect("is piped");
    BufReader::new(stdout).read_line(&mut url).await.expect("prints its URL");
    let payer = till.payer(U256::from(50_000)).await;
    let key = till.file("buyer.key", &payer.to_bytes().to_string()).display().to_string();
    let bought = script("buy.mjs", &[&format!("{}/weather", url.trim()), &key]).await;
    assert_eq!((&bought["status"], &bought["body"]["weather"]), (&200.into(), &"sunny".into()), "{bought}");
    assert_eq!(bought["settlement"]["success"], true, "{bought}");
    assert_eq!(till.dollars(seller).await, U256::from(50_000));
    shop.kill().await.expect("it ran");
}

/// A payer can sign any number of authorizations with one nonce, and the token takes one of them.
async fn one_nonce_signed_twice_pays_whom_it_paid(till: &Till<'_>) {
    let payer = till.payer(U256::from(200_000)).await;
    let (seller, friend) = (till.cast.address("runner2"), till.cast.address("payee1"));
    let [to_seller, to_friend] = [seller, friend].map(|payee| till.asset.requirements(100_000.into(), payee, 60));
    let held = till.dollars(seller).await;
    for (nonce, by_us) in [(1, true), (2, false)] {
        let good = till.authorization(&payer, &to_seller, nonce).await;
        let other = till.authorization(&payer, &to_friend, nonce).await;
        if by_us {
            let settled = till.facilitate("settle", &till.payload(&to_friend, &other), &to_friend).await;
            assert_eq!(settled["success"], true, "{settled}");
        } else {
            till.race(&other).await;
        }
        let answer = till.facilitate("settle", &till.payload(&to_seller, &good), &to_seller).await;
        assert_eq!((&answer["success"], &answer["errorReason"]), (&false.into(), &"invalid_transaction_state".into()));
    }
    assert_eq!(till.dollars(seller).await, held, "the seller was not paid, and was not told so");
}

/// Ten payments of who can pay for one: nothing is sent that must revert.
async fn what_a_payer_has_under_way_is_counted(till: &Till<'_>) {
    let payer = till.payer(U256::from(100_000)).await;
    let required = till.asset.requirements(100_000.into(), till.cast.address("runner2"), 60);
    let mut payloads = Vec::new();
    for nonce in 0..10 {
        payloads.push(till.payload(&required, &till.authorization(&payer, &required, nonce).await));
    }
    let sent = till.sent().await;
    let answers = join_all(payloads.iter().map(|payload| till.facilitate("settle", payload, &required))).await;
    assert_eq!(answers.iter().filter(|answer| answer["success"] == true).count(), 1, "{answers:?}");
    assert_eq!(till.sent().await - sent, 1, "one settled, nothing burned");
}

/// An ERC-1271 account that says yes where gas costs nothing (an estimate), and no in a block.
async fn who_answers_otherwise_in_a_block_costs_one_transaction(till: &Till<'_>) {
    // GASPRICE ISZERO PUSH4 1626ba7e MUL PUSH1 e0 SHL PUSH0 MSTORE PUSH1 20 PUSH0 RETURN
    const MOODY: &str = "0x3a15631626ba7e0260e01b5f5260205ff3";
    let account = till.payer(U256::from(100_000)).await.address();
    till.cast.chain.raw_request::<_, Value>("anvil_setCode".into(), json!([account, MOODY])).await.unwrap();
    let required = till.asset.requirements(10_000.into(), till.cast.address("runner2"), 60);
    let anybody = till.payer(U256::ZERO).await;
    let sent = till.sent().await;
    let mut payloads = Vec::new();
    for nonce in 0..10 {
        let mut payment = till.authorization(&anybody, &required, nonce).await;
        payment.from = account;
        till.sign(&anybody, &mut payment);
        payloads.push(till.payload(&required, &payment));
    }
    let answers = join_all(payloads.iter().map(|payload| till.facilitate("settle", payload, &required))).await;
    assert!(answers.iter().all(|answer| answer["errorReason"] == "invalid_transaction_state"), "{answers:?}");
    assert_eq!(till.sent().await - sent, 1, "one reverted, and nothing more was sent");
}

/// A bounty that can't be posted any more when the payment is mined goes back to its payer, at the operator's cost.
async fn what_would_be_sent_back_is_not_taken(till: &Till<'_>) {
    let terms = till.terms(10, till.cast.now().await.plus(30));
    let payer = till.payer(terms.cost(3).unwrap().0).await;
    let sent = till.sent().await;
    let answer = till.post(&terms, Some(&till.paid(&terms, &payer, 1).await)).await;
    assert_eq!((answer.status, answer.settled()), (402, false), "{answer:?}");
    assert_eq!(answer.body["accepts"].as_array().map(Vec::len), Some(0), "{answer:?}");
    assert_eq!(till.sent().await, sent, "nothing was sent");
}

/// No transaction of ours tells of it: the payment is looked at again.
async fn what_somebody_else_settled_is_settled_again_after_a_reorg(till: &Till<'_>) {
    let payer = till.payer(U256::from(100_000)).await;
    let seller = till.cast.address("runner2");
    let required = till.asset.requirements(100_000.into(), seller, 60);
    let payment = till.authorization(&payer, &required, 1).await;
    let held = till.dollars(seller).await;
    let raced = till.race(&payment).await;
    let settled = till.facilitate("settle", &till.payload(&required, &payment), &required).await;
    assert_eq!((&settled["success"], &settled["transaction"]), (&true.into(), &json!(raced)), "{settled}");
    till.cast.reorganise(1).await;
    assert_eq!(till.dollars(seller).await, held, "the payment is gone");
    let path = format!("/v1/payments/{}", payment.id(&till.asset));
    let again = eventually("it is settled again", 90, || async {
        let known: Value = till.cast.api.get(&path).await.ok()?;
        (known["state"] == "settled" && known["txHash"] != json!(raced)).then_some(known)
    })
    .await;
    assert_eq!(till.dollars(seller).await - held, U256::from(100_000), "{again}");
}

async fn the_facilitator_says_why_not(till: &Till<'_>) {
    let payer = till.payer(U256::from(100_000)).await;
    let payee = till.cast.address("runner1");
    let required = till.asset.requirements(100_000.into(), payee, 60);
    let payment = till.authorization(&payer, &required, 1).await;
    let good = till.payload(&required, &payment);
    let valid = till.facilitate("verify", &good, &required).await;
    assert_eq!((&valid["isValid"], &valid["payer"]), (&true.into(), &json!(payer.address())), "{valid}");

    let dust = till.asset.requirements(9_999.into(), payee, 60);
    let cheap = till.payload(&dust, &till.authorization(&payer, &dust, 2).await);
    let to_itself = till.asset.requirements(100_000.into(), payer.address(), 60);
    let itself = till.payload(&to_itself, &till.authorization(&payer, &to_itself, 3).await);
    let poor = till.payer(U256::ZERO).await;
    let broke = till.payload(&required, &till.authorization(&poor, &required, 1).await);
    let mut forged = payment.clone();
    till.sign(&poor, &mut forged);
    let mut unknown = required.clone();
    unknown.asset = payee.to_string();
    let mut elsewhere = good.clone();
    elsewhere.accepted = unknown.clone();
    for (what, payload, required, reason) in [
        ("dust", &cheap, &dust, "invalid_payment_requirements"),
        ("to itself", &itself, &to_itself, "invalid_payment_requirements"),
        ("without funds", &broke, &required, "insufficient_funds"),
        ("forged", &till.payload(&required, &forged), &required, "invalid_exact_evm_payload_signature"),
        ("another token", &elsewhere, &unknown, "invalid_payment_requirements"),
    ] {
        let answer = till.facilitate("verify", payload, required).await;
        assert_eq!((&answer["isValid"], &answer["invalidReason"]), (&false.into(), &reason.into()), "{what}: {answer}");
    }

    let sent = till.sent().await;
    let settled = join_all((0..20).map(|_| till.facilitate("settle", &good, &required))).await;
    let (told, refused): (Vec<_>, Vec<_>) = settled.into_iter().partition(|answer| answer["success"] == true);
    assert_eq!(told.len(), 1, "a seller takes each success for a purchase: {told:?}");
    assert!(refused.iter().all(|answer| answer["errorReason"] == "invalid_transaction_state"), "{refused:?}");
    assert_eq!(till.sent().await - sent, 1, "settled once, nothing burned");
    assert_eq!(till.dollars(payee).await, U256::from(100_000));
    let used = till.facilitate("verify", &good, &required).await;
    assert_eq!(used["invalidReason"], "invalid_transaction_state", "{used}");
    let header = header::encode(&good).unwrap();
    assert!(header.len() < header::HEADER_BYTES_MAX);
}
