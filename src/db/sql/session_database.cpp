#include "db/session_database.h"

namespace isobar::db {

namespace {

class SessionTransaction : public KeyTransaction {
 public:
  SessionTransaction(Session& session, Duration patience, Access access, std::uint32_t tries)
      : session_(session), patience_(patience), tx_(session.begin(tries, access)) {}
  ~SessionTransaction() override {
    if (!ended_) session_.abandon(tx_);
  }

  Result<std::vector<ReadValue>> read(std::vector<std::string> keys, ReadFor what_for) override {
    return session_.read(tx_, std::move(keys), patience_, what_for);
  }
  Result<KeyPage> scan(const ScanOrder& order) override {
    TRY_ASSIGN(auto page, session_.scan(tx_, order, patience_));
    return KeyPage{std::move(page.rows), std::move(page.next)};
  }
  void assume(const std::string& key, const ReadValue& read) override { session_.assume(tx_, key, read); }
  Status commit(std::vector<Write> writes) override {
    ended_ = true;
    TRY(session_.commit(tx_, std::move(writes), patience_));
    return {};
  }

 private:
  Session& session_;
  Duration patience_;
  TxHandle tx_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<KeyTransaction> SessionDatabase::begin(Access access, std::uint32_t tries) {
  return std::make_unique<SessionTransaction>(session_, patience_, access, tries);
}

}  // namespace isobar::db
