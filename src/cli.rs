//! The command line. Secrets come from files and the environment, never from arguments.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU128};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use piecework_domain::Address;
use piecework_domain::ids::EvidenceHash;
use piecework_domain::money::Amount;

#[derive(Debug, Parser)]
#[command(
    name = "piecework",
    version,
    about = "A marketplace for infrastructure work, paid on chain per verified unit"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole story on real parts, by itself, in a minute or two
    Demo(Demo),
    /// The same parts, left running for you, with funded keys
    Dev(Dev),
    /// Mirror the escrow's events into Postgres
    Index(Index),
    /// The REST API
    Serve(Serve),
    /// The payout worker: posts from deposits, relays awards, redeems vouchers
    Work(Work),
    /// One verifier
    Verify(Verify),
    /// A runner's companion: signs a claim for every block of its node
    Run(Run),
    /// Deploy the escrow
    Deploy(Deploy),
    /// Bring the database's schema up to this version
    Migrate(Database),
    /// Work on the contracts
    Contracts {
        #[command(subcommand)]
        command: Contracts,
    },
    /// Print the API's OpenAPI document
    Openapi,
}

impl Command {
    /// Commands that talk to a person: their progress goes to the terminal, so logs keep quiet unless asked.
    pub fn is_interactive(&self) -> bool {
        matches!(self, Self::Demo(_) | Self::Dev(_) | Self::Deploy(_) | Self::Contracts { .. } | Self::Openapi)
    }
}

#[derive(Debug, Subcommand)]
pub enum Contracts {
    /// Compile contracts/src and write contracts/artifacts
    Build {
        /// Write nothing; fail if an artifact is stale
        #[arg(long)]
        check: bool,
    },
}

#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Print only a summary object
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Dev {
    /// Print one line of JSON when ready
    #[arg(long)]
    pub json: bool,
    /// Free ports and a throw-away data directory, so that many can run side by side
    #[arg(long)]
    pub ephemeral: bool,
    /// Leave out the processes of a sub-command (`index`, `serve`, `work`, `verify` or `run`): you bring your own
    #[arg(long, value_parser = ["index", "serve", "work", "verify", "run"])]
    pub without: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub struct Database {
    /// A PostgreSQL 15 or newer; without it a private cluster in the data directory is started
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Where private state is kept
    #[arg(long, env = "PIECEWORK_DATA_DIR", default_value = ".piecework")]
    pub data_dir: PathBuf,
}

/// The settlement chain.
#[derive(Clone, Debug, Args)]
pub struct Chain {
    #[arg(long, env = "PIECEWORK_CHAIN_ID")]
    pub chain_id: u64,
    /// The escrow contract
    #[arg(long, env = "PIECEWORK_ESCROW")]
    pub escrow: Address,
}

#[derive(Clone, Debug, Args)]
pub struct Rpc {
    /// JSON-RPC endpoint of the settlement chain
    #[arg(long, env = "PIECEWORK_RPC_URL", hide_env_values = true)]
    pub rpc_url: String,
}

/// What is checked of final blocks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Depth {
    /// Every header: no log may be missing from its bloom
    Headers,
    /// Headers of blocks with events: quicker where most blocks are empty
    Events,
}

impl From<Depth> for piecework_indexer::Verify {
    fn from(depth: Depth) -> Self {
        match depth {
            Depth::Headers => Self::Headers,
            Depth::Events => Self::Events,
        }
    }
}

#[derive(Clone, Debug, Args)]
pub struct Index {
    #[command(flatten)]
    pub database: Database,
    #[arg(long, env = "PIECEWORK_CHAIN_ID", required_unless_present = "chains")]
    pub chain_id: Option<u64>,
    /// The escrow contract
    #[arg(long, env = "PIECEWORK_ESCROW", required_unless_present = "chains")]
    pub escrow: Option<Address>,
    /// JSON-RPC endpoints of the chain, the preferred one first; with several, what one of them says is compared
    #[arg(
        long,
        env = "PIECEWORK_RPC_URL",
        value_delimiter = ',',
        required_unless_present = "chains",
        hide_env_values = true
    )]
    pub rpc_url: Vec<String>,
    /// WebSocket endpoint that tells of new blocks; without it they are polled for
    #[arg(long, env = "PIECEWORK_WS_URL", hide_env_values = true)]
    pub ws_url: Option<String>,
    /// Don't recompute block hashes from headers: for chains whose headers have fields of their own. An endpoint could hide logs there
    #[arg(long, env = "PIECEWORK_TRUST_HEADERS")]
    pub trust_headers: bool,
    /// Several chains instead: a JSON file with a list of {chainId, escrow, startBlock, rpcUrls, wsUrl?, trustHeaders?}
    #[arg(long, env = "PIECEWORK_CHAINS", conflicts_with_all = ["chain_id", "escrow", "rpc_url", "ws_url"])]
    pub chains: Option<PathBuf>,
    /// Forget what is mirrored of the chains and index them from their first blocks
    #[arg(long)]
    pub rebuild: bool,
    /// Compare what is mirrored with the contract at the mirror's newest block, print the differences, and exit: 1 if there are any
    #[arg(long, conflicts_with = "rebuild")]
    pub audit: bool,
    /// What is checked of blocks that are final already
    #[arg(long, env = "PIECEWORK_VERIFY", value_enum, default_value_t = Depth::Headers)]
    pub verify: Depth,
    /// Wait until two endpoints agree about every log. Without it they must while two are well, and one is believed otherwise
    #[arg(long, env = "PIECEWORK_WITNESSED")]
    pub witnessed: bool,
    /// The block that created the escrow
    #[arg(long, env = "PIECEWORK_START_BLOCK", default_value_t = 1)]
    pub start_block: u64,
    #[arg(long, env = "PIECEWORK_POLL_INTERVAL_MS", default_value_t = 500)]
    pub poll_interval_ms: u64,
}

#[derive(Clone, Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub chain: Chain,
    /// JSON-RPC endpoint of the settlement chain: with it `/x402/verify` can say whether a payer has the funds
    #[arg(long, env = "PIECEWORK_RPC_URL", hide_env_values = true)]
    pub rpc_url: Option<String>,
    /// Requests per second that one network (an IPv4 address, or 64 bits of an IPv6 one) may make, four seconds' worth at once; 0 for no limit
    #[arg(long, env = "PIECEWORK_REQUESTS_PER_SECOND", default_value_t = 50)]
    pub requests_per_second: u32,
    /// Connections that one network may hold, event streams included; 0 for no limit, and with `--trust-proxy` there is none
    #[arg(long, env = "PIECEWORK_CONNECTIONS_PER_NETWORK", default_value_t = 256)]
    pub connections_per_network: usize,
    /// New offers that one network may make in an hour without paying for them; 0 for no limit
    #[arg(long, env = "PIECEWORK_OFFERS_PER_HOUR", default_value_t = 240)]
    pub offers_per_hour: u32,
    /// Be an x402 facilitator for others, too: payments that one network may have settled in an hour. Each costs the operator's gas, and brings
    /// it nothing
    #[arg(long, env = "PIECEWORK_SETTLEMENTS_PER_HOUR")]
    pub settlements_per_hour: Option<NonZeroU32>,
    /// Believe the last entry of `X-Forwarded-For`: only behind a proxy that adds it
    #[arg(long, env = "PIECEWORK_TRUST_PROXY")]
    pub trust_proxy: bool,
    /// This API's URL as others reach it; `http://<listen>` unless you say otherwise. Access tokens name it
    #[arg(long, env = "PIECEWORK_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Hosts (HOST or HOST:PORT) whose pages may ask people to sign in here, besides the public URL's own
    #[arg(long, env = "PIECEWORK_SIGN_IN_DOMAINS", value_delimiter = ',')]
    pub sign_in_domain: Vec<String>,
    /// Origins (https://app.example.com) whose scripts may ask this API, or `*` for all
    #[arg(long, env = "PIECEWORK_ALLOW_ORIGINS", value_delimiter = ',')]
    pub allow_origin: Vec<String>,
    /// File with the Ed25519 keys of access tokens (PEM, PKCS#8), readable by its owner alone: the first signs, all are believed. Made
    /// with a new key if there is none; several `serve` share one
    #[arg(long, env = "PIECEWORK_SESSION_KEYS_FILE", default_value = ".piecework/session.pem")]
    pub session_keys_file: PathBuf,
    /// Seconds that a bounty must leave between its last verdicts being payable and its reserve's return (epochSeconds + silenceSeconds +
    /// challengeSeconds - graceSeconds): below, its last payouts may come too late, and it is neither announced nor bid on here
    #[arg(long, env = "PIECEWORK_PAYOUT_WINDOW_MIN", default_value_t = 300)]
    pub payout_window_min: u64,
    /// Let webhooks lead into private networks, to this machine and by plain http, too: anybody could make the worker call anything there.
    /// `serve` and `work` must say the same
    #[arg(long, env = "PIECEWORK_PRIVATE_WEBHOOKS")]
    pub private_webhooks: bool,
    /// Address to listen on; loopback unless you say otherwise
    #[arg(long, env = "PIECEWORK_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

#[derive(Clone, Debug, Args)]
pub struct Work {
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub chain: Chain,
    #[command(flatten)]
    pub rpc: Rpc,
    /// File with the operator's private key (hex), readable by its owner alone
    #[arg(long, env = "PIECEWORK_WORKER_KEY_FILE")]
    pub key_file: PathBuf,
    /// Least time between two redemptions of one engagement
    #[arg(long, env = "PIECEWORK_PAYOUT_PAUSE_SECONDS", default_value_t = 600)]
    pub payout_pause_seconds: u64,
    /// Payouts wait while gas costs more than so many wei, unless they would come too late
    #[arg(long, env = "PIECEWORK_GAS_PRICE_MAX")]
    pub gas_price_max: Option<u128>,
    /// Tokens, besides the native coin, whose deposits, awards and payouts are relayed: TOKEN=LEAST, where LEAST is what a payout must
    /// bring (base units) to be worth its gas
    #[arg(long, env = "PIECEWORK_RELAY_TOKENS", value_delimiter = ',', value_parser = accepted)]
    pub token: Vec<(Address, u128)>,
    /// Redeem only where the bid's relay fee is worth the gas (without it, the operator pays for what brings more than it costs)
    #[arg(long, env = "PIECEWORK_RELAY_FOR_FEES")]
    pub relay_for_fees: bool,
    /// Let webhooks lead into private networks, to this machine and by plain http, too: anybody could make the worker call anything there.
    /// `serve` and `work` must say the same
    #[arg(long, env = "PIECEWORK_PRIVATE_WEBHOOKS")]
    pub private_webhooks: bool,
    #[arg(long, env = "PIECEWORK_POLL_INTERVAL_MS", default_value_t = 1_000)]
    pub poll_interval_ms: u64,
}

#[derive(Clone, Debug, Args)]
pub struct Verify {
    #[arg(long, env = "PIECEWORK_API_URL", default_value = "http://127.0.0.1:8080")]
    pub api_url: String,
    /// File with the verifier's private key (hex), readable by its owner alone
    #[arg(long, env = "PIECEWORK_VERIFIER_KEY_FILE", required_unless_present = "replay")]
    pub key_file: Option<PathBuf>,
    /// An endpoint of your own, as CHAIN_ID=URL; once per chain
    #[arg(
        long,
        env = "PIECEWORK_ENDPOINTS",
        value_delimiter = ',',
        required_unless_present = "replay",
        hide_env_values = true
    )]
    pub endpoint: Vec<String>,
    /// Instead of verifying: judge this evidence file again, print the reasons, and exit: 1 if its verifier said something else. Needs no
    /// key; with an endpoint the blocks in it are compared, too
    #[arg(long, value_name = "EVIDENCE_HASH")]
    pub replay: Option<EvidenceHash>,
    /// With --replay: print one JSON object
    #[arg(long, requires = "replay")]
    pub json: bool,
    /// Endpoint of the chain the escrow is on. With it the verifier disputes units that a runner asserted above its own count, and
    /// claims its fees; its key needs gas there
    #[arg(long, env = "PIECEWORK_SETTLEMENT_URL", hide_env_values = true, requires = "escrow")]
    pub settlement_url: Option<String>,
    /// The one escrow contract that transactions are sent to
    #[arg(long, env = "PIECEWORK_ESCROW")]
    pub escrow: Option<Address>,
    /// A token you take and its least fee per epoch in base units, as TOKEN=AMOUNT (`native` is the chain's coin); once per token.
    /// Engagements that pay less, or in other tokens, are not judged. Without it everything is
    #[arg(long, env = "PIECEWORK_ACCEPT", value_delimiter = ',', value_parser = accepted)]
    pub accept: Vec<(Address, u128)>,
    /// What one native coin (10^18 base units) costs in base units of an accepted token, as TOKEN=AMOUNT; once per token. With
    /// --settlement-url each accepted token needs one: no gas is spent on disputes and fees that are worth less
    #[arg(long, env = "PIECEWORK_COIN_PRICES", value_delimiter = ',', value_parser = price)]
    pub coin_price: Vec<(Address, NonZeroU128)>,
    /// A poster whose engagements are judged whatever they pay, and first
    #[arg(long, env = "PIECEWORK_POSTERS", value_delimiter = ',')]
    pub poster: Vec<Address>,
    /// The highest bond put up for one dispute, in base units of the bounty's token. Without it whatever it takes
    #[arg(long, env = "PIECEWORK_DISPUTE_MAX")]
    pub dispute_max: Option<Amount>,
    /// Engagements judged side by side at most; the least paid are left out
    #[arg(long, env = "PIECEWORK_ENGAGEMENTS_MAX", default_value_t = 10_000)]
    pub engagements_max: usize,
    /// An arbiter whose rulings may cost your bond: bounties that ask for a bond are judged only if their arbiter is one of these
    #[arg(long, env = "PIECEWORK_ARBITERS", value_delimiter = ',')]
    pub arbiter: Vec<Address>,
    /// Ask runners' endpoints in private networks, too, and on this machine: anybody could make this verifier call anything there
    #[arg(long, env = "PIECEWORK_PRIVATE_ENDPOINTS")]
    pub private_endpoints: bool,
    /// File that remembers what was seen and judged
    #[arg(long, env = "PIECEWORK_VERIFIER_MEMORY", default_value = ".piecework/verifier.redb")]
    pub memory: PathBuf,
    #[arg(long, env = "PIECEWORK_WATCH_INTERVAL_MS", default_value_t = 250)]
    pub watch_interval_ms: u64,
    #[arg(long, env = "PIECEWORK_ROUND_INTERVAL_MS", default_value_t = 5_000)]
    pub round_interval_ms: u64,
}

#[derive(Clone, Debug, Args)]
pub struct Run {
    #[arg(long, env = "PIECEWORK_API_URL", default_value = "http://127.0.0.1:8080")]
    pub api_url: String,
    #[command(flatten)]
    pub chain: Chain,
    /// Whose engagements to work on
    #[arg(long, env = "PIECEWORK_RUNNER")]
    pub runner: Address,
    /// File with the node's private key (hex), readable by its owner alone; not the wallet that gets paid
    #[arg(long, env = "PIECEWORK_NODE_KEY_FILE")]
    pub key_file: PathBuf,
    /// JSON-RPC endpoint of your own node
    #[arg(long, env = "PIECEWORK_NODE_URL", hide_env_values = true)]
    pub node_url: String,
    /// Where your node answers for `rpc` bounties, as everybody reaches it: it is public from then on
    #[arg(long, env = "PIECEWORK_ENDPOINT")]
    pub endpoint: Option<String>,
    /// File that remembers every claim signed
    #[arg(long, env = "PIECEWORK_RUNNER_JOURNAL", default_value = ".piecework/runner.redb")]
    pub journal: PathBuf,
    /// For a second companion with the same key: leave each block to the first one for this long, less than the spec's `graceSeconds`
    #[arg(long, env = "PIECEWORK_STAND_IN_AFTER_MS", default_value_t = 0)]
    pub stand_in_after_ms: u64,
    #[arg(long, env = "PIECEWORK_RUN_INTERVAL_MS", default_value_t = 300)]
    pub interval_ms: u64,
}

#[derive(Clone, Debug, Args)]
pub struct Deploy {
    #[command(flatten)]
    pub rpc: Rpc,
    /// File with the deployer's private key (hex), readable by its owner alone
    #[arg(long, env = "PIECEWORK_DEPLOYER_KEY_FILE")]
    pub key_file: PathBuf,
    /// Also deploy TestUSD, a dollar that anyone can mint: development chains only
    #[arg(long)]
    pub test_usd: bool,
}

/// `TOKEN=AMOUNT`, not zero.
fn price(text: &str) -> Result<(Address, NonZeroU128), String> {
    let (token, amount) = accepted(text)?;
    Ok((token, NonZeroU128::new(amount).ok_or("a price is not 0")?))
}

/// `TOKEN=AMOUNT`.
fn accepted(text: &str) -> Result<(Address, u128), String> {
    let (token, fee) = text.split_once('=').ok_or("is not TOKEN=AMOUNT")?;
    let token = match token {
        "native" => Address::ZERO,
        token => token.parse().map_err(|_| format!("`{token}` is neither `native` nor an address"))?,
    };
    let fee = fee.parse().map_err(|_| format!("`{fee}` is not an amount in base units"))?;
    Ok((token, fee))
}
