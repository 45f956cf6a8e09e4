#include "worker/http/coding/compression.h"

#include <utility>

#include "worker/http/answer/field_lines.h"
#include "worker/http/syntax/http_status.h"
#include "worker/http/syntax/syntax.h"

namespace preforkd::http {
namespace {

constexpr std::size_t kKeptOutput = 64 * 1024;

bool ForbidsChange(std::string_view lines) {
  bool found = false;
  ForEachFieldLine(lines, [&](std::string_view name, std::string_view value) {
    if (!EqualsNoCase(name, "cache-control")) return;
    ForEachElement(value,
                   [&](std::string_view element) { found = found || EqualsNoCase(element, "no-transform"); });
  });
  return found;
}

// A field that the answer gets from its place forbids it as one of its handler does.
bool ForbidsChange(const AnswerRules* place, const HttpResponse& response) {
  bool found = false;
  if (place == nullptr) return found;
  place->ForEachLine(response.Status(), response.FieldLines(),
                     [&](std::string_view, std::string_view line) { found = found || ForbidsChange(line); });
  return found;
}

// What the handler and the place have said allows it.
bool MayCompress(const CompressRules& rules, const AnswerRules* place, const HttpResponse& response) {
  constexpr int kPartial = 206;
  const std::string_view lines = response.FieldLines();
  return MayHaveBody(response.Status()) && response.Status() != kPartial && !response.Switches() &&
         !response.HasFile() && response.HasRoomForFields() && rules.Covers(response.ContentType()) &&
         !HasField(lines, "content-encoding") && !HasField(lines, "content-range") && !ForbidsChange(lines) &&
         !ForbidsChange(place, response);
}

// Caches must know that another client gets other bytes, also this one.
void AddVary(HttpResponse& response) {
  bool said = false;
  ForEachFieldLine(response.FieldLines(), [&](std::string_view name, std::string_view value) {
    if (!EqualsNoCase(name, "vary")) return;
    ForEachElement(value, [&](std::string_view element) {
      said = said || element == "*" || EqualsNoCase(element, "accept-encoding");
    });
  });
  if (!said) response.AddHeader("Vary", "Accept-Encoding");
}

void Mark(HttpResponse& response, Coding coding) {
  response.AddHeader("Content-Encoding", CodingName(coding));
  WeakenTag(response.FieldLines());
}

// The tag that the client knows is one that was made weak: a cache updates what it has only by the same tag
// (RFC 9111 section 4.3.4).
bool KnowsWeakTag(const HttpRequest& request) {
  bool weak = false;
  request.ForEachLine("if-none-match", [&](std::string_view line) {
    weak = weak || line.find("W/") != std::string_view::npos;
  });
  return weak;
}

void MarkNotModified(const HttpRequest& request, HttpResponse& response) {
  if (!response.HasRoomForFields()) return;
  AddVary(response);
  if (KnowsWeakTag(request)) WeakenTag(response.FieldLines());
}

}  // namespace

void Compression::Apply(const CompressRules& rules, const AnswerRules* place, const HttpRequest& request,
                        HttpResponse& response) {
  constexpr int kNotModified = 304;
  if (rules.codings.Empty()) return;
  if (response.Status() == kNotModified) return MarkNotModified(request, response);
  const std::uint64_t size = response.BodySize();
  if (size < rules.min_size || size == 0 || size > kMaxCompressed || !MayCompress(rules, place, response))
    return;
  AddVary(response);
  const CodingList accepted = AcceptedCodings(request).Best(rules.codings);
  if (accepted.size == 0) return;
  const Coding coding = accepted.items[0];
  std::unique_ptr<Compressor>& compressor = whole_[static_cast<std::size_t>(coding)];
  if (compressor == nullptr) {
    compressor = MakeCompressor(coding, BodyKind::kWhole);
  } else {
    compressor->Restart();
  }
  if (Piece(*compressor, response.Body(), Compressor::Step::kFinish).size() >= size) return;
  response.Body().assign(out_);
  Mark(response, coding);
}

std::unique_ptr<Compressor> Compression::Begin(const CompressRules& rules, const AnswerRules* place,
                                               const HttpRequest& request, HttpResponse& head,
                                               bool bodiless) {
  if (rules.codings.Empty() || !MayCompress(rules, place, head)) return nullptr;
  AddVary(head);
  const AcceptedCodings accepted(request);
  const CodingList best = accepted.Best(rules.codings);
  if (best.size == 0) return nullptr;
  // Gzip where the client takes it as gladly: at these levels only it finds in a piece what an earlier piece
  // had, and the pieces of a stream of events are short and alike.
  Coding coding = best.items[0];
  for (const Coding other : best) {
    if (other == Coding::kGzip && accepted.Weight(other) == accepted.Weight(coding)) coding = other;
  }
  Mark(head, coding);
  return bodiless ? nullptr : MakeCompressor(coding, BodyKind::kStreamed);
}

std::string_view Compression::Piece(Compressor& compressor, std::string_view piece, Compressor::Step step) {
  if (out_.capacity() > kKeptOutput) std::string().swap(out_);
  out_.clear();
  compressor.Put(piece, step, out_);
  return out_;
}

}  // namespace preforkd::http
