#include "tests/loopback/gate/test_certificates.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include <array>
#include <ctime>
#include <memory>
#include <stdexcept>

namespace preforkd::testing {
namespace {

void Require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("test certificate: ") + what);
}
void Require(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + gnutls_strerror(result));
}

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using X509Owner = std::unique_ptr<X509, Free<X509_free>>;
using KeyOwner = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using BioOwner = std::unique_ptr<BIO, Free<BIO_free_all>>;

// ---- GnuTLS ----

class Crt {
 public:
  Crt() { Require(gnutls_x509_crt_init(&crt_), "crt_init"); }
  explicit Crt(const std::string& pem) : Crt() {
    const gnutls_datum_t text = Datum(pem);
    Require(gnutls_x509_crt_import(crt_, &text, GNUTLS_X509_FMT_PEM), "crt_import");
  }
  Crt(const Crt&) = delete;
  Crt& operator=(const Crt&) = delete;
  ~Crt() { gnutls_x509_crt_deinit(crt_); }
  [[nodiscard]] gnutls_x509_crt_t Get() const { return crt_; }

  static gnutls_datum_t Datum(const std::string& text) {
    return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
            static_cast<unsigned>(text.size())};
  }

 private:
  gnutls_x509_crt_t crt_ = nullptr;
};

class Key {
 public:
  Key() { Require(gnutls_x509_privkey_init(&key_), "privkey_init"); }
  explicit Key(const std::string& pem) : Key() {
    const gnutls_datum_t text = Crt::Datum(pem);
    Require(gnutls_x509_privkey_import2(key_, &text, GNUTLS_X509_FMT_PEM, nullptr, 0), "privkey_import");
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { gnutls_x509_privkey_deinit(key_); }
  [[nodiscard]] gnutls_x509_privkey_t Get() const { return key_; }

 private:
  gnutls_x509_privkey_t key_ = nullptr;
};

std::string Take(gnutls_datum_t& text) {
  std::string copy(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  return copy;
}

void Generate(KeyKind kind, gnutls_x509_privkey_t key) {
  const auto curve = [](gnutls_ecc_curve_t which) {
    return static_cast<unsigned>(GNUTLS_CURVE_TO_BITS(which));
  };
  struct {
    gnutls_pk_algorithm_t algorithm;
    unsigned bits;
  } how{};
  switch (kind) {
    case KeyKind::kEc: how = {GNUTLS_PK_ECDSA, curve(GNUTLS_ECC_CURVE_SECP256R1)}; break;
    case KeyKind::kP384: how = {GNUTLS_PK_ECDSA, curve(GNUTLS_ECC_CURVE_SECP384R1)}; break;
    case KeyKind::kP521: how = {GNUTLS_PK_ECDSA, curve(GNUTLS_ECC_CURVE_SECP521R1)}; break;
    case KeyKind::kRsa: how = {GNUTLS_PK_RSA, 2048}; break;
    case KeyKind::kDsa: how = {GNUTLS_PK_DSA, 2048}; break;
    case KeyKind::kEd25519: how = {GNUTLS_PK_EDDSA_ED25519, 256}; break;
    case KeyKind::kEd448: how = {GNUTLS_PK_EDDSA_ED448, 456}; break;
  }
  Require(gnutls_x509_privkey_generate(key, how.algorithm, how.bits, 0), "generate");
}

void Fill(gnutls_x509_crt_t crt, const CertificateSpec& spec, gnutls_x509_privkey_t key) {
  static unsigned char serial = 0;
  ++serial;
  Require(gnutls_x509_crt_set_version(crt, 3), "version");
  Require(gnutls_x509_crt_set_serial(crt, &serial, 1), "serial");
  const std::time_t now = std::time(nullptr);
  Require(gnutls_x509_crt_set_activation_time(crt, now + spec.begins.count()), "activation");
  Require(gnutls_x509_crt_set_expiration_time(crt, now + spec.ends.count()), "expiration");
  if (!spec.common_name.empty())
    Require(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, spec.common_name.data(),
                                          static_cast<unsigned>(spec.common_name.size())),
            "dn");
  for (const std::string& name : spec.names)
    Require(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name.data(),
                                                 static_cast<unsigned>(name.size()), GNUTLS_FSAN_APPEND),
            "san");
  Require(gnutls_x509_crt_set_basic_constraints(crt, spec.authority ? 1 : 0, -1), "constraints");
  if (!spec.purpose.empty())
    Require(gnutls_x509_crt_set_key_purpose_oid(crt, spec.purpose.c_str(), 0), "purpose");
  Require(gnutls_x509_crt_set_key(crt, key), "set_key");
}

// ---- OpenSSL, for what GnuTLS cannot make ----

BioOwner Memory(const std::string& text) {
  return BioOwner(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
X509Owner ReadCertificate(const TestCertificate& certificate) {
  X509Owner read(PEM_read_bio_X509(Memory(certificate.pem).get(), nullptr, nullptr, nullptr));
  Require(read != nullptr, "read");
  return read;
}

}  // namespace

TestCertificate MakeCertificate(const CertificateSpec& spec, const TestCertificate* issuer) {
  Require(gnutls_global_init(), "global_init");  // it counts the calls
  const Key key;
  Generate(spec.key, key.Get());
  const Crt crt;
  Fill(crt.Get(), spec, key.Get());
  const bool eddsa = spec.key == KeyKind::kEd25519 || spec.key == KeyKind::kEd448;
  if (issuer != nullptr) {
    const Crt issuer_crt(issuer->pem);
    const Key issuer_key(issuer->key);
    Require(gnutls_x509_crt_sign2(crt.Get(), issuer_crt.Get(), issuer_key.Get(), GNUTLS_DIG_SHA256, 0),
            "sign");
  } else {
    const gnutls_digest_algorithm_t digest = !eddsa                          ? GNUTLS_DIG_SHA256
                                             : spec.key == KeyKind::kEd25519 ? GNUTLS_DIG_SHA512
                                                                             : GNUTLS_DIG_SHAKE_256;
    Require(gnutls_x509_crt_sign2(crt.Get(), crt.Get(), key.Get(), digest, 0), "sign");
  }
  TestCertificate made;
  gnutls_datum_t text{};
  Require(gnutls_x509_crt_export2(crt.Get(), GNUTLS_X509_FMT_PEM, &text), "export");
  made.pem = Take(text);
  Require(
      gnutls_x509_privkey_export2_pkcs8(key.Get(), GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN, &text),
      "export key");
  made.key = Take(text);
  return made;
}

std::string TraditionalKey(const TestCertificate& certificate) {
  const Key key(certificate.key);
  gnutls_datum_t text{};
  Require(gnutls_x509_privkey_export2(key.Get(), GNUTLS_X509_FMT_PEM, &text), "export key");
  return Take(text);
}

std::string EncryptedKey(const TestCertificate& certificate) {
  const Key key(certificate.key);
  gnutls_datum_t text{};
  Require(gnutls_x509_privkey_export2_pkcs8(key.Get(), GNUTLS_X509_FMT_PEM, "secret",
                                            GNUTLS_PKCS_PBES2_AES_128, &text),
          "export key");
  return Take(text);
}

std::string MakeStaple(const TestCertificate& certificate, const TestCertificate& issuer,
                       std::chrono::seconds ends, bool revoked) {
  const X509Owner subject = ReadCertificate(certificate);
  const X509Owner signer = ReadCertificate(issuer);
  const KeyOwner key(PEM_read_bio_PrivateKey(Memory(issuer.key).get(), nullptr, nullptr, nullptr));
  const std::unique_ptr<OCSP_BASICRESP, Free<OCSP_BASICRESP_free>> basic(OCSP_BASICRESP_new());
  OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), subject.get(), signer.get());
  const std::unique_ptr<ASN1_TIME, Free<ASN1_TIME_free>> from(X509_gmtime_adj(nullptr, -7200));
  const std::unique_ptr<ASN1_TIME, Free<ASN1_TIME_free>> until(X509_gmtime_adj(nullptr, ends.count()));
  const int status = revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD;
  Require(OCSP_basic_add1_status(basic.get(), id, status, 0, revoked ? from.get() : nullptr, from.get(),
                                 until.get()) != nullptr,
          "status");
  OCSP_CERTID_free(id);
  Require(OCSP_basic_sign(basic.get(), signer.get(), key.get(), EVP_sha256(), nullptr, 0) == 1, "sign");
  const std::unique_ptr<OCSP_RESPONSE, Free<OCSP_RESPONSE_free>> response(
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response.get(), &der);
  Require(size > 0, "encode");
  std::string staple(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return staple;
}

std::string FingerprintOf(const TestCertificate& certificate) {
  const Crt crt(certificate.pem);
  std::array<char, 32> hash{};
  std::size_t size = hash.size();
  Require(gnutls_x509_crt_get_fingerprint(crt.Get(), GNUTLS_DIG_SHA256, hash.data(), &size), "fingerprint");
  return {hash.data(), size};
}

const TestCertificate& TestAuthority() {
  static const TestCertificate made = MakeCertificate({.common_name = "test authority", .authority = true});
  return made;
}

const TestCertificate& EcCertificate() {
  static const TestCertificate made =
      MakeCertificate({.common_name = "a.test", .names = {"a.test"}}, &TestAuthority());
  return made;
}

const TestCertificate& RsaCertificate() {
  static const TestCertificate made =
      MakeCertificate({.common_name = "a.test", .names = {"a.test"}, .key = KeyKind::kRsa}, &TestAuthority());
  return made;
}

}  // namespace preforkd::testing
