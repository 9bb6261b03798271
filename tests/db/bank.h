#pragma once

// Money that is moved about and must stay what it was.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "db/session.h"

namespace isobar::e2e {

// A bank: each transfer reads two accounts and writes both; whoever reads all of them at once finds all the money.
class Bank {
 public:
  static constexpr int kAccounts = 6, kEach = 100, kMoney = kAccounts * kEach;
  explicit Bank(db::Session& session) : session_(session) {}

  Status fill() {
    const auto tx = session_.begin();
    for (int i = 0; i < kAccounts; ++i) TRY(session_.put(tx, name(i), std::to_string(kEach)));
    TRY(session_.commit(tx, 30s));
    return {};
  }
  Status transfer(Random& random) {
    const int from = static_cast<int>(random.below(kAccounts)), to = (from + 1 + static_cast<int>(random.below(kAccounts - 1))) % kAccounts;
    return transfer(from, to, 1 + static_cast<int>(random.below(10)));
  }
  Status transfer(int from, int to, int amount) {
    const auto tx = session_.begin();
    const Status moved = move(tx, from, to, amount);
    if (!moved.ok()) session_.abandon(tx);
    return moved;
  }
  Result<int> total() {
    const auto tx = session_.begin();
    int sum = 0;
    for (int i = 0; i < kAccounts; ++i) {
      const auto amount = session_.get(tx, name(i), 30s);
      if (!amount.ok()) {
        session_.abandon(tx);
        return amount.error();
      }
      sum += std::stoi(amount->value_or("0"));
    }
    TRY(session_.commit(tx, 30s));
    return sum;
  }

 private:
  static std::string name(int account) { return "k" + std::to_string(account); }
  Status move(db::TxHandle tx, int from, int to, int amount) {
    TRY_ASSIGN(const auto one, session_.get(tx, name(from), 30s));
    TRY_ASSIGN(const auto other, session_.get(tx, name(to), 30s));
    TRY(session_.put(tx, name(from), std::to_string(std::stoi(one.value_or("0")) - amount)));
    TRY(session_.put(tx, name(to), std::to_string(std::stoi(other.value_or("0")) + amount)));
    TRY(session_.commit(tx, 30s));
    return {};
  }
  db::Session& session_;
};

// The bank at work, until it is closed: two tellers who transfer, and one who sums up, each a client.
class OpenBank {
 public:
  static constexpr int kTellers = 3;
  /// session  makes that of a teller, 0 to 2; called on a thread of the teller's
  explicit OpenBank(std::function<std::unique_ptr<db::Session>(int teller)> session) : session_(std::move(session)) {
    for (int t = 0; t < kTellers; ++t) tellers_.emplace_back([this, t] { work(t); });
  }
  ~OpenBank() { close(); }
  void close() {
    closed_ = true;
    for (auto& teller : tellers_) teller.join();
    tellers_.clear();
  }
  int committed() const { return committed_; }  ///< transfers
  int seen() const { return seen_; }            ///< sums
  int wrong() const { return wrong_; }          ///< of those

 private:
  void work(int teller) {
    const auto own = session_(teller);
    Bank bank(*own);
    Random random(static_cast<std::uint64_t>(teller + 1));
    while (!closed_) teller + 1 == kTellers ? sum_up(bank) : transfer(bank, random);
  }
  void transfer(Bank& bank, Random& random) {
    if (bank.transfer(random).ok()) ++committed_;
    else std::this_thread::sleep_for(std::chrono::milliseconds(random.below(20)));
  }
  void sum_up(Bank& bank) {
    if (const auto total = bank.total(); total.ok()) {
      ++seen_;
      if (*total != Bank::kMoney) ++wrong_;
    }
    // Who reads everything all the time would hold off every writer: the later reader has the right of way.
    std::this_thread::sleep_for(100ms);
  }

  const std::function<std::unique_ptr<db::Session>(int)> session_;
  std::atomic<bool> closed_ = false;
  std::atomic<int> committed_ = 0, wrong_ = 0, seen_ = 0;
  std::vector<std::thread> tellers_;  // last: they use the rest
};

}  // namespace isobar::e2e
