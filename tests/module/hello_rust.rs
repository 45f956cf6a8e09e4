//! A module in Rust, with the standard library only and Debian's compiler: a greeting, and a sum.
//!   rustc --edition=2021 --crate-type=cdylib -O -C strip=debuginfo hello_rust.rs -o hello_rust.so
//! Blocking: its handler may wait. There is one Hello for each application thread.

mod preforkd;

use preforkd::{text, Request, Response, Server};

static SETTINGS: [preforkd::Setting; 1] = [preforkd::Setting {
    name: c!("greeting"),
    kind: preforkd::TEXT,
    required: 0,
    min: c!("1"),
    max: c!("40"),
    fallback: c!("hello"),
    words: std::ptr::null(),
    doc: c!("What it says."),
}];
static COUNTERS: [preforkd::Counter; 1] =
    [preforkd::Counter { name: c!("greetings"), help: c!("Greetings that were answered.") }];

struct Hello {
    server: Server,
    greeting: &'static str,
}

impl preforkd::Service for Hello {
    fn new(server: Server) -> Result<Self, String> {
        match server.text(&SETTINGS[0]) {
            "silence" => Err("it has nothing to say".to_string()),
            greeting => Ok(Hello { server, greeting }),
        }
    }

    fn answer(&self, request: &Request) -> Response {
        match (request.method(), request.path()) {
            ("GET" | "HEAD", "/hello") => {
                let name = request.query().strip_prefix("name=").unwrap_or("world");
                self.server.count(0);
                text(200, format!("{} {}, from Rust\n", self.greeting, name))
            }
            ("POST", "/sum") => match std::str::from_utf8(request.body()) {
                Ok(body) => text(200, format!("{}\n", sum_of(body))),
                Err(_) => text(400, "not UTF-8\n"),
            },
            ("GET", "/agent") => match request.field("user-agent") {
                Some(agent) => text(200, String::from_utf8_lossy(agent)),
                None => text(404, "no agent\n"),
            },
            _ => text(404, "not found\n"),
        }
    }
}

// A line that is no number panics: that costs its request.
fn sum_of(lines: &str) -> u64 {
    lines.lines().map(|line| line.parse::<u64>().expect("a number")).sum()
}

static MODULE: preforkd::Module = preforkd::Module {
    size: std::mem::size_of::<preforkd::Module>() as u32,
    abi: preforkd::ABI,
    name: c!("hello_rust"),
    version: c!("1.0"),
    kind: preforkd::BLOCKING,
    flags: 0,
    calls: 0,
    setting_count: SETTINGS.len() as u32,
    counter_count: COUNTERS.len() as u32,
    reserved: 0,
    settings: SETTINGS.as_ptr(),
    counters: COUNTERS.as_ptr(),
    init: preforkd::init::<Hello>,
    handle: preforkd::handle::<Hello>,
    gone: None,
    drained: None,
    arrived: None,
    retire: None,
    end: preforkd::end::<Hello>,
    protocol: std::ptr::null(),
    preload: None,
};

#[no_mangle]
pub extern "C" fn preforkd_module() -> *const preforkd::Module {
    &MODULE
}
