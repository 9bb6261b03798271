#include "crypto/aead.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

namespace isobar::crypto {

namespace {

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(char* text) { return reinterpret_cast<unsigned char*>(text); }

using Context = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;

}  // namespace

// The key schedule is made once for each direction; a message then costs its nonce and its bytes.
struct Aead::State {
  Context sealing{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free}, opening{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
};

Aead::Aead(std::string_view key) : state_(std::make_unique<State>()) {
  CHECK(key.size() == kKeyBytes, key.size());
  CHECK(EVP_EncryptInit_ex(state_->sealing.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), nullptr) == 1);
  CHECK(EVP_DecryptInit_ex(state_->opening.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), nullptr) == 1);
}
Aead::~Aead() = default;
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;

void Aead::seal(const Nonce& nonce, std::string_view beside, std::string_view plain, char* out) {
  EVP_CIPHER_CTX* context = state_->sealing.get();
  int size = 0;
  CHECK(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1);
  if (!beside.empty()) CHECK(EVP_EncryptUpdate(context, nullptr, &size, bytes_of(beside), static_cast<int>(beside.size())) == 1);
  if (!plain.empty()) CHECK(EVP_EncryptUpdate(context, bytes_of(out), &size, bytes_of(plain), static_cast<int>(plain.size())) == 1);
  CHECK(EVP_EncryptFinal_ex(context, bytes_of(out + plain.size()), &size) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, out + plain.size()) == 1);
}

std::string Aead::seal(const Nonce& nonce, std::string_view beside, std::string_view plain) {
  std::string out(plain.size() + kTagBytes, '\0');
  seal(nonce, beside, plain, out.data());
  return out;
}

Status Aead::open(const Nonce& nonce, std::string_view beside, std::string_view sealed, char* out) {
  const Error failure(Code::kDataLoss, "what arrived is not what was sealed");
  if (sealed.size() < kTagBytes) return failure;
  std::array<char, kTagBytes> tag;
  const std::string_view body = sealed.substr(0, sealed.size() - kTagBytes);
  std::copy(sealed.end() - kTagBytes, sealed.end(), tag.begin());
  EVP_CIPHER_CTX* context = state_->opening.get();
  int size = 0;
  CHECK(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1);
  if (!beside.empty()) CHECK(EVP_DecryptUpdate(context, nullptr, &size, bytes_of(beside), static_cast<int>(beside.size())) == 1);
  if (!body.empty()) CHECK(EVP_DecryptUpdate(context, bytes_of(out), &size, bytes_of(body), static_cast<int>(body.size())) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  std::array<unsigned char, kTagBytes> rest;
  if (EVP_DecryptFinal_ex(context, rest.data(), &size) != 1) return failure;
  return {};
}

Result<std::string> Aead::open(const Nonce& nonce, std::string_view beside, std::string_view sealed) {
  std::string out(sealed.size() < kTagBytes ? 0 : sealed.size() - kTagBytes, '\0');
  TRY(open(nonce, beside, sealed, out.data()));
  return out;
}

Aead::Nonce make_nonce(std::uint32_t high, std::uint64_t low) {
  Aead::Nonce nonce;
  for (std::size_t i = 0; i < 4; ++i) nonce[i] = static_cast<unsigned char>(high >> (24 - 8 * i));
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<unsigned char>(low >> (56 - 8 * i));
  return nonce;
}

std::string derive_key(std::string_view secret, std::string_view purpose, std::size_t bytes) {
  const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr), EVP_PKEY_CTX_free);
  std::string key(bytes, '\0');
  std::size_t size = bytes;
  CHECK(EVP_PKEY_derive_init(context.get()) == 1);
  CHECK(EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) == 1);
  CHECK(EVP_PKEY_CTX_set1_hkdf_salt(context.get(), bytes_of(std::string_view("isobar")), 6) == 1);
  CHECK(EVP_PKEY_CTX_set1_hkdf_key(context.get(), bytes_of(secret), static_cast<int>(secret.size())) == 1);
  CHECK(EVP_PKEY_CTX_add1_hkdf_info(context.get(), bytes_of(purpose), static_cast<int>(purpose.size())) == 1);
  CHECK(EVP_PKEY_derive(context.get(), bytes_of(key.data()), &size) == 1 && size == bytes);
  return key;
}

std::string secure_random_bytes(std::size_t bytes) {
  std::string random(bytes, '\0');
  CHECK(RAND_bytes(bytes_of(random.data()), static_cast<int>(bytes)) == 1);
  return random;
}

}  // namespace isobar::crypto
