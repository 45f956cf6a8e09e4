// The table that a module gets in its init: the functions of the Host, of an Exchange and of a Connection.
#ifndef PREFORKD_TESTING_HOST_TABLE_HPP
#define PREFORKD_TESTING_HOST_TABLE_HPP

#include "connection.hpp"

namespace pfd::testing::detail {

inline void fill_service(pfd_host& table) {
  table.log = host_log;
  table.text = host_text;
  table.number = host_number;
  table.place = host_place;
  table.count = host_count;
  table.post = host_post;
  table.after = host_after;
  table.cancel = host_cancel;
  table.watch = host_watch;
  table.unwatch = host_unwatch;
  table.report = host_report;
  table.allocate = PreloadedData::allocate;
  table.preloaded = [](pfd_service* service, std::size_t* size) {
    const PreloadedData& data = of(service).host->preloaded;
    if (size != nullptr) *size = data.size();
    return data.root();
  };
}

inline void fill_request(pfd_host& table) {
  table.method = [](const pfd_request* request) { return str(of(request).method); };
  table.target = [](const pfd_request* request) { return str(of(request).target); };
  table.path = [](const pfd_request* request) { return str(of(request).path); };
  table.query = [](const pfd_request* request) { return str(of(request).query); };
  table.authority = [](const pfd_request* request) { return str(of(request).authority); };
  table.fields = host_fields;
  table.field = host_field;
  table.peer = [](const pfd_request* request) { return str(of(request).peer); };
  table.connection_id = [](const pfd_request* request) { return of(request).id; };
  // Where it comes in pieces, the server has none to show.
  table.body = [](const pfd_request* request) {
    return str(of(request).in_pieces ? std::string_view() : std::string_view(of(request).body));
  };
  table.read = host_read;
  table.precondition = host_precondition;
  table.tls = [](const pfd_request* request, pfd_tls* facts) {
    return fill_tls(of(request).tls.get(), facts);
  };
}

inline void fill_answer(pfd_host& table) {
  table.respond = host_respond;
  table.respond_page = host_respond_page;
  table.respond_file = host_respond_file;
  table.begin = host_begin;
  table.write = host_write;
  table.end = host_end;
  table.take_over = host_take_over;
  table.keep = host_keep;
  table.drop = host_drop;
  table.gone = host_gone;
  table.set_data = [](pfd_request* request, void* data) {
    const std::lock_guard guard(of(request).lock);
    of(request).data = data;
  };
  table.data = [](const pfd_request* request) {
    const std::lock_guard guard(of(request).lock);
    return of(request).data;
  };
}

inline void fill_connection(pfd_host& table) {
  table.client = [](const pfd_connection* connection) { return str(of(connection).peer); };
  table.client_id = [](const pfd_connection* connection) { return of(connection).id; };
  table.client_tls = [](const pfd_connection* connection, pfd_tls* facts) {
    of(connection).host->check_loop_thread("client_tls");
    return fill_tls(of(connection).tls.get(), facts);
  };
  table.send = host_send;
  table.finish = host_finish;
  table.idle_timeout = host_idle_timeout;
  table.deadline = host_deadline;
  table.count_request = [](pfd_connection* connection) { ++of(connection).requests; };
  table.doing = [](pfd_connection* connection, pfd_str what) { of(connection).doing = view(what); };
}

inline const pfd_host* host_table() {
  static const pfd_host kTable = [] {
    pfd_host table{};
    table.size = sizeof(table);
    table.abi = PFD_ABI;
    table.version = str("testing");
    fill_service(table);
    fill_request(table);
    fill_answer(table);
    fill_connection(table);
    return table;
  }();
  return &kTable;
}

}  // namespace pfd::testing::detail

#endif
