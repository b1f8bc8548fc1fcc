//! How fast the simulator is, and what a send through the guarded client costs: neither may be what another benchmark
//! measures. `cargo bench --bench simulator [-- MESSAGES]` prints requests a second and CPU time per request, the
//! simulator's apart from the client's.

use signalbox::{
    domain::{ids::AttemptId, number::ProviderKind, outcome::Outcome, phone::Phone},
    provider::{
        Content, Credential, Line, Outgoing,
        client::{Client, Settings},
        dialect,
        simulator::{Script, Simulator},
    },
};
use std::{
    error::Error,
    io::Write as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

type Failure = Box<dyn Error + Send + Sync>;

const CONNECTIONS: usize = 64;
const IN_FLIGHT: usize = 500;

fn main() -> Result<(), Failure> {
    let messages = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for provider in ProviderKind::ALL {
        let simulator = start("")?;
        let address = simulator.address();
        measure(&format!("plain client, {provider}"), messages, || {
            runtime.block_on(plain(address, provider, messages))
        })?;
        runtime.block_on(simulator.stop());
    }
    for (name, script) in [("0 ms", ""), ("50 ms", "latency = '50ms'")] {
        for provider in ProviderKind::ALL {
            let simulator = start(script)?;
            let base_url = simulator.base_url();
            measure(&format!("guarded client, {provider}, {name}"), messages, || {
                runtime.block_on(guarded(&base_url, provider, messages))
            })?;
            runtime.block_on(simulator.stop());
        }
    }
    Ok(())
}

fn start(script: &str) -> Result<Simulator, Failure> {
    Ok(Simulator::start_on_own_thread(SocketAddr::from(([127, 0, 0, 1], 0)), Script::parse(script)?)?)
}

/// Runs `work` and prints what it took.
fn measure(name: &str, messages: usize, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let (simulator_before, all_before) = cpu_seconds()?;
    let start = Instant::now();
    work()?;
    let seconds = start.elapsed().as_secs_f64();
    let (simulator_after, all_after) = cpu_seconds()?;
    let simulator = simulator_after - simulator_before;
    let client = all_after - all_before - simulator;
    #[expect(clippy::cast_precision_loss, reason = "counts of messages")]
    let messages = messages as f64;
    writeln!(
        std::io::stdout(),
        "{name:32} {:>8.0}/s   simulator {:>5.1} µs   client {:>5.1} µs of CPU each",
        messages / seconds,
        simulator / messages * 1e6,
        client / messages * 1e6,
    )?;
    Ok(())
}

/// CPU seconds of the simulator's thread and of the whole process. Threads that ended count as the process's.
fn cpu_seconds() -> Result<(f64, f64), Failure> {
    let mut simulator = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "simulator") {
            simulator += ticks(&std::fs::read_to_string(task.join("stat"))?)?;
        }
    }
    Ok((simulator, ticks(&std::fs::read_to_string("/proc/self/stat")?)?))
}

/// User and system time in a line of `/proc/…/stat`: the 14th and 15th fields, in hundredths of a second.
fn ticks(stat: &str) -> Result<f64, Failure> {
    let rest = stat.rsplit_once(')').ok_or("no name in stat")?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((field(11) + field(12)) / 100.0)
}

fn line(base_url: &str, provider: ProviderKind) -> Result<Line, Failure> {
    let credential = Credential {
        external_id: "AC00000000000000000000000000000001".to_owned(),
        token: "token".to_owned().into(),
    };
    let sender = if provider == ProviderKind::Twilio { "" } else { "1001" };
    Ok(dialect(provider).line(base_url, credential, sender, &Phone::parse("+14155550105")?)?)
}

fn outgoing(number: usize) -> Result<Outgoing, Failure> {
    Ok(Outgoing {
        attempt: AttemptId::new(),
        to: Phone::parse(&format!("+2376{number:08}"))?,
        content: Content::Text(format!(
            "Hello {number}, your order is ready and waits for you at the counter."
        )),
    })
}

/// The least a client can do: fixed bytes out, bytes in until the answer is complete.
async fn plain(address: SocketAddr, provider: ProviderKind, messages: usize) -> Result<(), Failure> {
    let mut tasks = tokio::task::JoinSet::new();
    for connection in 0..CONNECTIONS {
        tasks.spawn(async move {
            let prepared = dialect(provider)
                .send_request(&line(&format!("http://{address}"), provider)?, &outgoing(connection)?)
                .ok_or("no request")?;
            let mut request =
                format!("POST {} HTTP/1.1\r\nhost: {address}\r\n", prepared.url.path()).into_bytes();
            for (name, value) in &prepared.headers {
                request.extend_from_slice(format!("{name}: {}\r\n", value.to_str()?).as_bytes());
            }
            request.extend_from_slice(format!("content-length: {}\r\n\r\n", prepared.body.len()).as_bytes());
            request.extend_from_slice(&prepared.body);
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let mut answer = vec![0; 16 * 1024];
            for _ in 0..messages / CONNECTIONS {
                stream.write_all(&request).await?;
                // An answer fits one segment, so that its end is the end of what is read.
                let read = stream.read(&mut answer).await?;
                if !answer[..read].starts_with(b"HTTP/1.1 20") {
                    return Err(Failure::from("not accepted"));
                }
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// As the sender does it: whole messages through the guarded client, many at once.
async fn guarded(base_url: &str, provider: ProviderKind, messages: usize) -> Result<(), Failure> {
    let client = Client::new(&Settings::default())?;
    let line = Arc::new(line(base_url, provider)?);
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (client, line, next) = (client.clone(), Arc::clone(&line), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= messages {
                    return Ok(());
                }
                let outcome = client.send(dialect(provider), &line, &outgoing(number)?).await;
                if !matches!(outcome, Outcome::Accepted { .. }) {
                    return Err(Failure::from(format!("{outcome:?}")));
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
