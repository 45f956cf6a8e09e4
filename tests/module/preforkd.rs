//! preforkd/module.h for Rust: its tables, and a safe wrapper. Copy this file beside a service of your own, as
//! it is beside hello_rust.rs. All unsafe code is here. A panic of the service ends one request with 500; it
//! never unwinds into the server.
#![allow(unused)]
#![deny(unsafe_op_in_unsafe_fn)]

use std::any::Any;
use std::cell::RefCell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::os::raw::{c_char, c_int};
use std::panic::{catch_unwind, AssertUnwindSafe};
use tables::*;

pub use tables::{Counter, Module, Setting, ABI, BLOCKING, TEXT};

/// The tables, as module.h has them. A table only grows at its end, so this copy stays right; what the server
/// offers beyond it does not matter here. Members that the wrapper does not use are `Unused`.
mod tables {
    use std::ffi::c_void;
    use std::mem::{size_of, MaybeUninit};
    use std::os::raw::{c_char, c_int};
    use std::ptr::addr_of;

    pub type Unused = Option<unsafe extern "C" fn()>;

    pub type Init =
        unsafe extern "C" fn(*const Host, *mut RawService, *mut *mut c_void, *mut c_char, usize) -> c_int;

    /// What is behind these pointers is the server's.
    #[repr(C)]
    pub struct RawService {
        _private: [u8; 0],
    }
    #[repr(C)]
    pub struct RawRequest {
        _private: [u8; 0],
    }

    // Each table, and a function that tells where its members are: a test compares them with the header.
    macro_rules! tables {
        ($($name:ident as $c:literal { $($member:ident: $type:ty,)* })*) => {
            $(
                #[repr(C)]
                #[derive(Clone, Copy)]
                pub struct $name { $(pub $member: $type,)* }
            )*
            type Tell = unsafe extern "C" fn(*mut c_void, Str, usize, usize);
            #[no_mangle]
            pub unsafe extern "C" fn hello_rust_layout(tell: Tell, to: *mut c_void) {
                $({
                    let room = MaybeUninit::<$name>::uninit();
                    let table = room.as_ptr();
                    unsafe { tell(to, Str::of($c), 0, size_of::<$name>()) };
                    $({
                        let at = unsafe { addr_of!((*table).$member) } as usize - table as usize;
                        let name = Str::of(concat!($c, ".", stringify!($member)));
                        unsafe { tell(to, name, at, size_of::<$type>()) };
                    })*
                })*
            }
        };
    }

    tables! {
        Str as "pfd_str" {
            data: *const u8,
            size: usize,
        }
        Field as "pfd_field" {
            name: Str,
            value: Str,
        }
        Setting as "pfd_setting" {
            name: *const c_char,
            kind: u32,
            required: u32,
            min: *const c_char,
            max: *const c_char,
            fallback: *const c_char,
            words: *const c_char,
            doc: *const c_char,
        }
        Counter as "pfd_counter" {
            name: *const c_char,
            help: *const c_char,
        }
        Host as "pfd_host" {
            size: u32,
            abi: u32,
            version: Str,
            log: unsafe extern "C" fn(*mut RawService, c_int, Str),
            text: unsafe extern "C" fn(*mut RawService, *const c_char) -> Str,
            number: unsafe extern "C" fn(*mut RawService, *const c_char) -> u64,
            place: Unused,
            count: unsafe extern "C" fn(*mut RawService, u32, u64),
            post: Unused,
            after: Unused,
            cancel: Unused,
            watch: Unused,
            unwatch: Unused,
            method: unsafe extern "C" fn(*const RawRequest) -> Str,
            target: Unused,
            path: unsafe extern "C" fn(*const RawRequest) -> Str,
            query: unsafe extern "C" fn(*const RawRequest) -> Str,
            authority: Unused,
            fields: Unused,
            field: unsafe extern "C" fn(*const RawRequest, Str, usize) -> Str,
            peer: Unused,
            connection_id: unsafe extern "C" fn(*const RawRequest) -> u64,
            body: unsafe extern "C" fn(*const RawRequest) -> Str,
            read: Unused,
            respond: unsafe extern "C" fn(*mut RawRequest, c_int, *const Field, usize, Str) -> c_int,
            respond_file: Unused,
            begin: Unused,
            write: Unused,
            end: Unused,
            keep: Unused,
            drop: Unused,
            gone: Unused,
            set_data: Unused,
            data: Unused,
            client: Unused,
            client_id: Unused,
            send: Unused,
            finish: Unused,
            idle_timeout: Unused,
            deadline: Unused,
            count_request: Unused,
            doing: Unused,
            take_over: Unused,
            report: Unused,
            precondition: Unused,
            respond_page: Unused,
            allocate: Unused,
            preloaded: Unused,
            tls: Unused,
            client_tls: Unused,
        }
        Module as "pfd_module" {
            size: u32,
            abi: u32,
            name: *const c_char,
            version: *const c_char,
            kind: u32,
            flags: u32,
            calls: u32,
            setting_count: u32,
            counter_count: u32,
            reserved: u32,
            settings: *const Setting,
            counters: *const Counter,
            init: Init,
            handle: unsafe extern "C" fn(*mut c_void, *mut RawRequest),
            gone: Unused,
            drained: Unused,
            arrived: Unused,
            retire: Unused,
            end: unsafe extern "C" fn(*mut c_void),
            protocol: *const c_void,
            preload: Unused,
        }
    }

    // What the pointers of a static table lead to is static, too, and nobody writes it.
    unsafe impl Sync for Setting {}
    unsafe impl Sync for Counter {}
    unsafe impl Sync for Module {}

    impl Str {
        pub fn of(text: &str) -> Str {
            Str { data: text.as_ptr(), size: text.len() }
        }
    }

    pub const ABI: u32 = 1;
    pub const BLOCKING: u32 = 1;
    pub const TEXT: u32 = 0;
    pub const ERROR: c_int = 4;
}

/// A text of C: "greeting" and the NUL behind it.
#[macro_export]
macro_rules! c {
    ($text:literal) => {
        concat!($text, "\0").as_ptr().cast::<std::os::raw::c_char>()
    };
}

/// A service: one for each application thread, used in that thread only.
pub trait Service: Sized {
    fn new(server: Server) -> Result<Self, String>;
    /// It may wait. After a panic it is called again, for the next request.
    fn answer(&self, request: &Request) -> Response;
}

#[derive(Clone, Copy)]
pub struct Server {
    host: &'static Host,
    service: *mut RawService,
}

impl Server {
    pub fn log_error(&self, text: &str) {
        unsafe { (self.host.log)(self.service, ERROR, Str::of(text)) }
    }
    /// The value of a setting; its texts live as long as the worker.
    pub fn text(&self, setting: &Setting) -> &'static str {
        str_of(unsafe { bytes((self.host.text)(self.service, setting.name)) })
    }
    /// `counter`: its place in the table.
    pub fn count(&self, counter: u32) {
        unsafe { (self.host.count)(self.service, counter, 1) }
    }
}

pub struct Request<'a> {
    server: Server,
    raw: *mut RawRequest,
    valid: PhantomData<&'a RawRequest>,
}

impl Request<'_> {
    pub fn method(&self) -> &str {
        str_of(unsafe { bytes((self.server.host.method)(self.raw)) })
    }
    pub fn path(&self) -> &str {
        str_of(unsafe { bytes((self.server.host.path)(self.raw)) })
    }
    /// As sent.
    pub fn query(&self) -> &str {
        str_of(unsafe { bytes((self.server.host.query)(self.raw)) })
    }
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let value = unsafe { (self.server.host.field)(self.raw, Str::of(name), 0) };
        (!value.data.is_null()).then(|| unsafe { bytes(value) })
    }
    pub fn body(&self) -> &[u8] {
        unsafe { bytes((self.server.host.body)(self.raw)) }
    }
    fn connection_id(&self) -> u64 {
        unsafe { (self.server.host.connection_id)(self.raw) }
    }
    fn respond(&self, response: &Response) {
        let kind = Field { name: Str::of("content-type"), value: Str::of(response.kind) };
        let body = Str::of(&response.body);
        // What it cannot send it has answered with 500 itself; that the client has left is no fault.
        let _ = unsafe { (self.server.host.respond)(self.raw, response.status, &kind, 1, body) };
    }
}

pub struct Response {
    pub status: i32,
    pub kind: &'static str,
    pub body: String,
}

pub fn text(status: i32, body: impl Into<String>) -> Response {
    Response { status, kind: "text/plain; charset=utf-8", body: body.into() }
}

struct State<S> {
    server: Server,
    service: S,
}

// The functions of the table. Nothing may unwind into the server.

pub unsafe extern "C" fn init<S: Service>(
    host: *const Host,
    service: *mut RawService,
    state: *mut *mut c_void,
    error: *mut c_char,
    error_size: usize,
) -> c_int {
    // Both live as long as the worker.
    let server = Server { host: unsafe { &*host }, service };
    let made = guarded(|| {
        tell_panics_here();
        S::new(server)
    });
    match made.and_then(|made| made) {
        Ok(service) => {
            unsafe { *state = Box::into_raw(Box::new(State { server, service })).cast() };
            0
        }
        Err(reason) => {
            let size = reason.len().min(error_size.saturating_sub(1));
            unsafe {
                std::ptr::copy_nonoverlapping(reason.as_ptr(), error.cast(), size);
                *error.add(size) = 0;
            }
            -1
        }
    }
}

pub unsafe extern "C" fn handle<S: Service>(state: *mut c_void, raw: *mut RawRequest) {
    let state = unsafe { &*state.cast::<State<S>>() };
    let request = Request { server: state.server, raw, valid: PhantomData };
    let answer = guarded(|| state.service.answer(&request)).unwrap_or_else(|panic| {
        let (method, path, connection) = (request.method(), request.path(), request.connection_id());
        state.server.log_error(&format!("{method} {path} of connection {connection}: {panic}"));
        text(500, "internal server error\n")
    });
    request.respond(&answer);
}

pub unsafe extern "C" fn end<S: Service>(state: *mut c_void) {
    let state = unsafe { Box::from_raw(state.cast::<State<S>>()) };
    let server = state.server;
    if let Err(panic) = guarded(|| drop(state)) {
        server.log_error(&format!("at its end: {panic}"));
    }
}

thread_local! {
    static PLACE: RefCell<String> = RefCell::new(String::new());
}

// Rust's own hook would write several lines to standard error, which is the server's log.
fn tell_panics_here() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or(String::new(), |place| format!(" at {place}"));
        PLACE.with(|last| last.replace(place));
    }));
}

// What it returns, or what it said when it panicked.
fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let place = PLACE.with(|last| last.take());
        format!("panic{place}: {}", message_of(panic.as_ref()))
    })
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("of another type")
}

// Valid as long as what they came from: the callers bind them to it.
unsafe fn bytes<'a>(text: Str) -> &'a [u8] {
    if text.size == 0 {
        return &[]; // its pointer may be NULL
    }
    unsafe { std::slice::from_raw_parts(text.data, text.size) }
}

// What a client sends need not be UTF-8: such a path or query is empty, and finds no route.
fn str_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}
