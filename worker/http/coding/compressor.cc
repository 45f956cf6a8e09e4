#include "worker/http/coding/compressor.h"

#include <brotli/encode.h>
#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

#include "common/base/check.h"

namespace preforkd::http {
namespace {

// Room for output, made in steps: most pieces are short.
constexpr std::size_t kMinRoom = 256;
constexpr std::size_t kMaxRoom = 64 * 1024;

std::size_t RoomFor(std::size_t input) { return std::clamp(input / 2, kMinRoom, kMaxRoom); }

class Gzip final : public Compressor {
 public:
  explicit Gzip(BodyKind kind) {
    constexpr int kGzipFormat = 16;  // added to the window's bits
    const int window = kind == BodyKind::kWhole ? 15 : 13;
    const int memory = kind == BodyKind::kWhole ? 8 : 6;
    if (::deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, window + kGzipFormat, memory,
                       Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  ~Gzip() override { ::deflateEnd(&stream_); }

  void Put(std::string_view bytes, Step step, std::string& out) override {
    constexpr std::size_t kMaxInput = std::numeric_limits<uInt>::max();
    while (bytes.size() > kMaxInput) {
      Run(bytes.substr(0, kMaxInput), Z_NO_FLUSH, out);
      bytes.remove_prefix(kMaxInput);
    }
    Run(bytes, step == Step::kFinish ? Z_FINISH : Z_SYNC_FLUSH, out);
  }
  void Restart() override { PF_CHECK(::deflateReset(&stream_) == Z_OK, "zlib lost its state"); }

 private:
  void Run(std::string_view bytes, int flush, std::string& out) {
    // zlib only reads it; its interface is older than const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      const std::size_t before = out.size();
      const std::size_t room = RoomFor(stream_.avail_in);
      out.resize(before + room);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      stream_.avail_out = static_cast<uInt>(room);
      const int result = ::deflate(&stream_, flush);
      PF_CHECK(result != Z_STREAM_ERROR, "zlib lost its state");
      out.resize(before + room - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

  z_stream stream_{};
};

class Brotli final : public Compressor {
 public:
  Brotli() : state_(Make()) {}

  void Put(std::string_view bytes, Step step, std::string& out) override {
    const BrotliEncoderOperation operation =
        step == Step::kFinish ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_FLUSH;
    std::size_t left = bytes.size();
    const auto* next = reinterpret_cast<const std::uint8_t*>(bytes.data());
    do {
      const std::size_t before = out.size();
      std::size_t room = RoomFor(left);
      out.resize(before + room);
      auto* to = reinterpret_cast<std::uint8_t*>(out.data() + before);
      const std::size_t given = room;
      if (::BrotliEncoderCompressStream(state_.get(), operation, &left, &next, &room, &to, nullptr) == 0)
        throw std::bad_alloc();
      out.resize(before + given - room);
    } while (left > 0 || ::BrotliEncoderHasMoreOutput(state_.get()) != 0);
  }
  // Brotli cannot begin again with the same memory.
  void Restart() override { state_ = Make(); }

 private:
  struct Destroy {
    void operator()(BrotliEncoderState* state) const { ::BrotliEncoderDestroyInstance(state); }
  };
  using State = std::unique_ptr<BrotliEncoderState, Destroy>;

  static State Make() {
    constexpr std::uint32_t kQuality = 1;
    constexpr std::uint32_t kWindowBits = 16;
    State state(::BrotliEncoderCreateInstance(nullptr, nullptr, nullptr));
    if (state == nullptr) throw std::bad_alloc();
    ::BrotliEncoderSetParameter(state.get(), BROTLI_PARAM_QUALITY, kQuality);
    ::BrotliEncoderSetParameter(state.get(), BROTLI_PARAM_LGWIN, kWindowBits);
    return state;
  }

  State state_;
};

}  // namespace

std::unique_ptr<Compressor> MakeCompressor(Coding coding, BodyKind kind) {
  PF_CHECK(coding == Coding::kGzip || coding == Coding::kBrotli, "no compressor for this coding");
  if (coding == Coding::kGzip) return std::make_unique<Gzip>(kind);
  return std::make_unique<Brotli>();
}

std::vector<LibraryVersion> CompressorLibraries() {
  // 12 bits each of minor and patch. The headers of brotli have no version.
  const std::uint32_t brotli = ::BrotliEncoderVersion();
  return {{"zlib", LibraryVersion::Linked::kDynamic, ZLIB_VERSION, ::zlibVersion()},
          {"brotli", LibraryVersion::Linked::kDynamic, "",
           fmt::format("{}.{}.{}", brotli >> 24U, brotli >> 12U & 0xFFFU, brotli & 0xFFFU)}};
}

}  // namespace preforkd::http
