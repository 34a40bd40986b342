//! How long a sent transaction takes to be a row that can be read, and an item of the event stream.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy::providers::Provider;
use anyhow::{Context, Result, bail};
use piecework_store::feed;
use piecework_toolchain::Tools;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use crate::mirror::Mirror;
use crate::{api, percentile};
use piecework_bench::chain::Chain;

const TRANSACTIONS: u64 = 200;

/// Milliseconds, sorted.
pub struct Delays {
    /// Until the chain has it in a block: what nobody can be faster than.
    pub mined: Vec<u64>,
    /// Until its row can be read.
    pub readable: Vec<u64>,
    /// From the block until the event stream has it.
    pub streamed: Vec<u64>,
}

/// On a new chain: how long an old one takes to mine is not the mirror's.
pub async fn measure(tools: &Tools, admin: &str, logs: &Path) -> Result<Delays> {
    let mut chain = Chain::start(tools, logs, "live", 1).await?;
    let mut mirror = Mirror::start(&chain, admin, logs).await?;
    mirror.reaches(chain.rpc.get_block_number().await?, logs).await?;
    let api = api::start(mirror.pool.clone(), chain.escrow).await?;
    let mut delays = Delays { mined: Vec::new(), readable: Vec::new(), streamed: Vec::new() };
    let mut db = mirror.pool.acquire().await?;
    let mut stream = listen(&api.url, feed::newest(&mut db).await?).await?;
    for n in 0..TRANSACTIONS {
        let known = feed::newest(&mut db).await?;
        // Not in step with the mirror's own rhythm.
        tokio::time::sleep(Duration::from_millis(20 + n * 7 % 41)).await;
        // A deposit: one event.
        let tx = chain.some(0);
        let since = Instant::now();
        let mined = async {
            chain.send_and_wait(vec![tx]).await?;
            Ok::<_, anyhow::Error>(since.elapsed())
        };
        let readable = async {
            while feed::newest(&mut db).await? == known {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok::<_, anyhow::Error>(since.elapsed())
        };
        let streamed = async {
            next_item(&mut stream).await?;
            Ok::<_, anyhow::Error>(since.elapsed())
        };
        let (mined, readable, streamed) = tokio::try_join!(mined, readable, streamed)?;
        delays.mined.push(millis(mined)?);
        delays.readable.push(millis(readable)?);
        delays.streamed.push(millis(streamed.saturating_sub(mined))?);
    }
    for delays in [&mut delays.mined, &mut delays.readable, &mut delays.streamed] {
        delays.sort_unstable();
    }
    Ok(delays)
}

impl Delays {
    pub fn say(&self) -> String {
        let of = |delays: &[u64], high| (percentile(delays, 50), percentile(delays, high));
        let ((mined, mined_high), (read, read_high)) = (of(&self.mined, 95), of(&self.readable, 95));
        let (stream, stream_high) = of(&self.streamed, 99);
        format!(
            "transaction sent → mined: p50 {mined} ms, p95 {mined_high} ms; → row readable: p50 {read} ms, p95 {read_high} ms; \
             block → stream: p50 {stream} ms, p99 {stream_high} ms"
        )
    }
}

fn millis(delay: Duration) -> Result<u64> {
    Ok(u64::try_from(delay.as_millis())?)
}

/// `GET /v1/events` from after `seq`, line by line.
async fn listen(url: &str, seq: u64) -> Result<Lines<BufReader<TcpStream>>> {
    let host = url.trim_start_matches("http://");
    let mut connection = TcpStream::connect(host).await?;
    let request =
        format!("GET /v1/events HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nLast-Event-ID: {seq}\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut lines = BufReader::new(connection).lines();
    let status = lines.next_line().await?.context("no answer")?;
    if !status.contains(" 200 ") {
        bail!("the stream answers {status}");
    }
    Ok(lines)
}

async fn next_item(lines: &mut Lines<BufReader<TcpStream>>) -> Result<()> {
    while let Some(line) = lines.next_line().await? {
        if line.starts_with("data:") {
            return Ok(());
        }
    }
    bail!("the stream ended")
}
