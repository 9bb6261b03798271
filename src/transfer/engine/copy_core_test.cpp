// Copy jobs against simulated stores that fail, answer in any order, act without answering, change under the reader's hands
// and see the job killed at any point: whatever happens, a job that is taken up again ends with every object whole at every
// target, or told as failed, with no upload left behind and within its memory.

#include "transfer/copy_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "crypto/crc32c.h"
#include "manifest.h"
#include "transfer/journal.h"

namespace isobar::transfer {
namespace {

struct SimObject {
  std::string content, version;
  storage::Properties properties;
};

struct SimUpload {
  std::string key;
  std::map<int, std::string> parts;
};

struct SimStore {
  std::map<std::string, SimObject> objects;
  std::map<std::string, SimUpload> uploads;
  int next = 1;
};

struct Faults {
  double fail = 0, act_and_fail = 0, change = 0, crash = 0;
  double ask_for_peace = 0;  // refuse, and ask to be left alone for a while
  double damage = 0;         // a byte changes between the source and the reader
  bool refuse_all = false;   // every read, for good
};

class CopySim {
 public:
  CopySim(std::uint64_t seed, std::size_t targets, Faults faults, std::uint64_t objects_most = 12)
      : random_(seed), faults_(faults), targets_(targets) {
    // In memory where that can be had: a run makes the journal durable hundreds of times.
    journal_path_ = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) /
                    fmt::format("isobar-copy-sim-{}-{}", ::getpid(), seed);
    const auto objects = 1 + random_.below(objects_most);
    for (std::uint64_t i = 0; i < objects; ++i) {
      SimObject object;
      object.content.resize(random_.below(4) == 0 ? 0 : random_.below(90));
      for (char& c : object.content) c = static_cast<char>('a' + random_.below(26));
      object.version = "v1";
      object.properties.content_type = "text/x";
      if (random_.below(3) == 0) object.properties.tags = std::map<std::string, std::string>{{"team", "a"}};
      source_.objects[fmt::format("k{}", i)] = std::move(object);
    }
    original_ = source_.objects;
  }
  ~CopySim() { fs::remove(journal_path_); }

  void run() {
    for (int life = 0; life < 50; ++life) {
      if (live()) return;
      faults_.crash *= 0.5;
    }
    FAIL() << "it never ended";
  }

  Random random_;
  Faults faults_;
  fs::path journal_path_;
  SimStore source_;
  std::vector<SimStore> targets_;
  std::map<std::string, SimObject> original_;
  std::map<std::string, Status> ended_;
  std::uint64_t bytes_read_ = 0, crashes_ = 0, peace_asked_ = 0, damaged_ = 0, reads_ = 0;
  Status stopped_;
  std::size_t name_bytes_most_ = 1024;
  static constexpr std::uint64_t kPart = 8, kMemory = 5 * (kPart + 1024);

 private:
  // One run of the program: true when it ended by itself.
  bool live() {
    ended_.clear();
    auto opened = Journal::open(journal_path_);
    CHECK(opened.ok(), opened.error().message());
    auto [journal, state] = std::move(opened).value();
    journal_ = &journal;
    for (const auto& intent : state.intents)
      std::erase_if(targets_[intent.target].uploads, [&](const auto& one) {
        if (one.second.key != intent.target_key) return false;
        for (const auto& [key, open] : state.resume.open)
          for (const auto& [index, upload] : open.uploads)
            if (index == intent.target && upload.upload.id == one.first) return false;
        return true;
      });
    CopyPlan plan;
    storage::Limits limits;
    limits.part_bytes_least = 1;
    limits.key_bytes_most = name_bytes_most_;
    plan.targets.resize(targets_.size(), limits);
    plan.part_bytes = kPart;
    plan.memory_bytes = kMemory;
    plan.attempts_most = 12;
    plan.seed = random_.next();
    CopyCore core(plan, std::move(state.resume));
    core_ = &core;
    pending_.clear();
    std::vector<CopyItem> items;
    for (const auto& [key, object] : source_.objects) {
      CopyItem item;
      item.source.key = key;
      item.source.bytes = object.content.size();
      item.source.version = object.version;
      item.target_keys.assign(targets_.size(), key);
      items.push_back(std::move(item));
    }
    std::size_t listed = 0;
    bool listing_ended = false;
    while (!core.finished()) {
      CHECK(core.totals().memory_bytes <= kMemory, core.totals().memory_bytes);
      if (random_.chance(faults_.crash)) {
        ++crashes_;
        return false;
      }
      if (random_.chance(0.1)) CHECK(journal.sync().ok());
      if (listed < items.size() && core.wants_items() && random_.chance(0.3)) {
        feed(ItemListed{items[listed++]});
      } else if (listed == items.size() && !listing_ended) {
        listing_ended = true;
        feed(ListingEnded{});
      } else if (!pending_.empty()) {
        const std::size_t pick = random_.below(pending_.size());
        auto answer = std::move(pending_[pick]);
        pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(pick));
        answer();
      } else if (const auto timer = core.next_timer()) {
        now_ = std::max(now_, *timer);
        feed(Tick{});
      } else {
        CHECK(listed < items.size(), listed, items.size());
      }
    }
    CHECK(pending_.empty());
    CHECK(core.totals().memory_bytes == 0);
    stopped_ = core.stopped();
    return true;
  }

  void feed(Event event) {
    now_ = now_ + 1ms;
    for (auto& effect : core_->step(std::move(event), now_)) {
      std::visit([this](const auto& one) { expect_peace(one); }, effect);
      std::visit([this](const auto& one) { carry_out(one); }, effect);
    }
  }

  // Nothing goes to a store that asked to be left alone before that is over; removing uploads, which frees it, may.
  template <class T>
  void expect_peace(const T& effect) const {
    if constexpr (std::is_same_v<T, HeadSource> || std::is_same_v<T, ReadChunk>) {
      CHECK(now_ >= peace_[0], now_.unix_nanos(), peace_[0].unix_nanos());
    } else if constexpr (std::is_same_v<T, PutWhole> || std::is_same_v<T, PutPart> || std::is_same_v<T, StartUpload> ||
                         std::is_same_v<T, CompleteUpload>) {
      CHECK(now_ >= peace_[1 + effect.target], now_.unix_nanos(), peace_[1 + effect.target].unix_nanos());
    }
  }

  // The store's answer to `act`, now or later; it may fail before it acts, or after.
  // store    0: the source; 1 …: a target
  template <class T>
  Result<T> faulty(std::size_t store, const std::function<Result<T>()>& act) {
    if (random_.chance(faults_.ask_for_peace)) {
      ++peace_asked_;
      const Duration asked = std::chrono::seconds(random_.below(30));
      // It is heard with the next event.
      peace_[store] = std::max(peace_[store], now_ + 1ms + asked);
      return Error(Code::kExhausted, "sim: slow down").with_retry_after(asked);
    }
    if (random_.chance(faults_.fail)) return random_.chance(0.5) ? unavailable("sim") : Error(Code::kExhausted, "sim");
    auto result = act();
    if (random_.chance(faults_.act_and_fail)) return unavailable("sim: the answer was lost");
    return result;
  }
  void later(std::function<void()> answer) { pending_.push_back(std::move(answer)); }

  Result<storage::ObjectHead> head_of(const std::string& key, bool with_tags) {
    const auto found = source_.objects.find(key);
    if (found == source_.objects.end()) return not_found("gone");
    storage::ObjectHead head;
    head.info.bytes = found->second.content.size();
    head.info.version = found->second.version;
    if (faults_.damage > 0) head.info.checksums.crc32c = crypto::crc32c(found->second.content);
    head.properties = found->second.properties;
    head.has_tags = found->second.properties.tags.has_value();
    if (!with_tags) head.properties.tags.reset();
    return head;
  }
  void maybe_change(const std::string& key) {
    if (!random_.chance(faults_.change)) return;
    source_.objects[key].content += "!";
    source_.objects[key].version = "v2";
  }

  void carry_out(const HeadSource& it) {
    later([this, it, key = core_->item(it.object).source.key] {
      feed(HeadAnswer{it.object, faulty<storage::ObjectHead>(0, [&] { return head_of(key, it.with_tags); })});
    });
  }
  void carry_out(const ReadChunk& it) {
    later([this, it] {
      maybe_change(it.key);
      std::string bytes;
      ++reads_;
      auto got = faulty<storage::Got>(0, [&]() -> Result<storage::Got> {
        if (faults_.refuse_all) return Error(Code::kPermissionDenied, "sim: forbidden");
        const auto& object = source_.objects[it.key];
        if (object.version != it.version) return Error(Code::kConflict, "changed");
        bytes = object.content.substr(it.offset, it.bytes);
        bytes_read_ += bytes.size();
        if (!bytes.empty() && random_.chance(faults_.damage)) {
          bytes[random_.below(bytes.size())] ^= 1;
          ++damaged_;
        }
        storage::Got good;
        good.bytes = bytes.size();
        good.head = head_of(it.key, false).value();
        return good;
      });
      const std::uint32_t crc = crypto::crc32c(bytes);
      chunks_[it.chunk] = bytes;
      feed(ReadAnswer{it.chunk, std::move(got), crc});
    });
  }
  void carry_out(const PutWhole& it) {
    later([this, it] {
      const auto id = core_->object_of(it.chunk);
      feed(PutAnswer{it.chunk, it.target, faulty<storage::PutReceipt>(1 + it.target, [&] {
                       targets_[it.target].objects[core_->item(id).target_keys[it.target]] = {chunks_[it.chunk], "", core_->properties(id)};
                       return storage::PutReceipt{};
                     })});
    });
  }
  void carry_out(const PutPart& it) {
    later([this, it] {
      feed(PartAnswer{it.chunk, it.target, faulty<storage::Part>(1 + it.target, [&]() -> Result<storage::Part> {
                        const auto upload = targets_[it.target].uploads.find(it.upload.id);
                        if (upload == targets_[it.target].uploads.end()) return not_found("no such upload");
                        upload->second.parts[it.number] = chunks_[it.chunk];
                        return storage::Part{};
                      })});
    });
  }
  void carry_out(const StartUpload& it) {
    journal_->intend_upload(core_->item(it.object), it.target, now_);
    CHECK(journal_->sync().ok());
    later([this, it] {
      const std::string key = core_->item(it.object).target_keys[it.target];
      auto outcome = faulty<storage::Upload>(1 + it.target, [&] {
        const std::string id = fmt::format("u{}", targets_[it.target].next++);
        targets_[it.target].uploads[id] = {key, {}};
        return storage::Upload{key, id, {}};
      });
      feed(StartAnswer{it.object, it.target, std::move(outcome)});
    });
  }
  void carry_out(const CompleteUpload& it) {
    later([this, it] {
      const auto upload = core_->upload(it.object, it.target);
      const auto parts = core_->parts(it.object, it.target);
      feed(CompleteAnswer{it.object, it.target, faulty<storage::PutReceipt>(1 + it.target, [&]() -> Result<storage::PutReceipt> {
                            auto& store = targets_[it.target];
                            const auto open = store.uploads.find(upload.id);
                            // Completed already, and the answer was lost: stores answer the repeated call as the first.
                            if (open == store.uploads.end())
                              return store.objects.count(upload.key) != 0 ? Result<storage::PutReceipt>(storage::PutReceipt{})
                                                                          : not_found("no upload");
                            SimObject whole{"", "", core_->properties(it.object)};
                            for (const auto& part : parts) whole.content += open->second.parts[part.number];
                            store.objects[upload.key] = std::move(whole);
                            store.uploads.erase(open);
                            return storage::PutReceipt{};
                          })});
    });
  }
  void carry_out(const AbortUpload& it) {
    later([this, it] {
      const auto item = core_->item(it.object);
      auto outcome = faulty<void>(1 + it.target, [&]() -> Status {
        targets_[it.target].uploads.erase(it.upload.id);
        return {};
      });
      if (outcome.ok()) journal_->aborted(item, it.target);
      feed(AbortAnswer{it.object, it.target, it.upload, std::move(outcome)});
    });
  }
  void carry_out(const ServerCopy&) { FAIL(); }
  void carry_out(const ServerCopyPart&) { FAIL(); }
  void carry_out(const ReadAgain& it) { CHECK(chunks_.count(it.chunk) == 0); }
  void carry_out(const ReleaseChunk& it) { chunks_.erase(it.chunk); }
  void carry_out(const UploadStarted& it) {
    journal_->started(core_->item(it.object), it.target, core_->part_bytes(it.object), core_->upload(it.object, it.target));
  }
  void carry_out(const PartDone& it) { journal_->part_done(core_->item(it.object), it.target, it.part); }
  void carry_out(const ObjectEnded& it) {
    CHECK(ended_.count(it.item.source.key) == 0, it.item.source.key);
    ended_.emplace(it.item.source.key, it.outcome);
    if (it.outcome.ok()) journal_->object_done(it.item);
  }

  CopyCore* core_ = nullptr;
  Journal* journal_ = nullptr;
  Instant now_ = Instant::from_unix_seconds(1000);
  std::array<Instant, 4> peace_;
  std::vector<std::function<void()>> pending_;
  std::unordered_map<ChunkId, std::string> chunks_;
};

void expect_whole(CopySim& sim, std::uint64_t seed) {
  for (const auto& [key, object] : sim.source_.objects) {
    const auto outcome = sim.ended_.find(key);
    ASSERT_NE(outcome, sim.ended_.end()) << "seed " << seed << ": " << key << " was never told of";
    for (auto& target : sim.targets_) {
      EXPECT_TRUE(target.uploads.empty()) << "seed " << seed << ": an upload was left behind";
      if (!outcome->second.ok()) continue;
      ASSERT_EQ(target.objects.count(key), 1U) << "seed " << seed << " " << key;
      const auto& copy = target.objects[key];
      EXPECT_TRUE(copy.content == object.content || copy.content == sim.original_[key].content)
          << "seed " << seed << ": a mixture of two versions";
      EXPECT_EQ(copy.properties.content_type, "text/x") << seed;
      EXPECT_EQ(copy.properties.tags, object.properties.tags) << "seed " << seed << " " << key;
    }
  }
}

TEST(CopySimulation, EveryObjectArrivesWholeAtEveryTarget) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    CopySim sim(seed, 1 + seed % 3, {});
    sim.run();
    expect_whole(sim, seed);
    std::uint64_t bytes = 0;
    for (const auto& [key, object] : sim.source_.objects) bytes += object.content.size();
    EXPECT_EQ(sim.bytes_read_, bytes) << "read once, whatever the number of targets";
    for (const auto& [key, outcome] : sim.ended_) EXPECT_TRUE(outcome.ok());
  }
}

TEST(CopySimulation, FailuresThatPassAreOutlastedAndOthersLeaveNothingBehind) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    CopySim sim(seed, 1 + seed % 3, {.fail = 0.2, .act_and_fail = 0});
    sim.run();
    expect_whole(sim, seed);
  }
}

TEST(CopySimulation, ASourceThatChangesUnderTheReaderIsToldAndNeverMixed) {
  int told = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    CopySim sim(seed, 1 + seed % 2, {.fail = 0.05, .change = 0.1});
    sim.run();
    expect_whole(sim, seed);
    for (const auto& [key, outcome] : sim.ended_) told += !outcome.ok() && outcome.error().code() == Code::kConflict;
  }
  EXPECT_GT(told, 150);
}

TEST(CopySimulation, AJobThatIsKilledAnywhereGoesOnWhereItWas) {
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    CopySim sim(seed, 1 + seed % 2, {.fail = 0.05, .crash = 0.05});
    sim.run();
    expect_whole(sim, seed);
    crashes += sim.crashes_;
    std::uint64_t bytes = 0;
    for (const auto& [key, object] : sim.source_.objects) bytes += object.content.size();
    // What was under way, and what was done since the journal was last made durable, is done again; no more.
    EXPECT_LE(sim.bytes_read_, bytes + (sim.crashes_ + 1) * 40 * CopySim::kPart) << seed;
  }
  EXPECT_GT(crashes, 1500U);
}

TEST(CopySimulation, AStoreThatAsksToBeLeftAloneIs) {
  std::uint64_t asked = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    CopySim sim(seed, 1 + seed % 3, {.fail = 0.05, .ask_for_peace = 0.1});
    sim.run();  // checks it with each effect
    expect_whole(sim, seed);
    asked += sim.peace_asked_;
  }
  EXPECT_GT(asked, 5000U);
}

TEST(CopySimulation, BytesThatAreDamagedOnTheirWayFromTheSourceNeverArrive) {
  std::uint64_t damaged = 0;
  int told = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    CopySim sim(seed, 1 + seed % 2, {.damage = 0.1});
    sim.run();
    expect_whole(sim, seed);
    damaged += sim.damaged_;
    for (const auto& [key, outcome] : sim.ended_) told += !outcome.ok() && outcome.error().code() == Code::kDataLoss;
  }
  EXPECT_GT(damaged, 500U);
  EXPECT_GT(told, 50) << "of parts nobody knows which it was";
}

TEST(CopySimulation, AStoreThatRefusesEverythingIsNotAskedForAllOfIt) {
  CopySim sim(3, 1, {.refuse_all = true}, 100'000);
  ASSERT_GT(sim.source_.objects.size(), 10'000U);
  sim.run();
  EXPECT_FALSE(sim.stopped_.ok());
  EXPECT_THAT(sim.stopped_.error().message(), testing::HasSubstr("100 objects in a row failed, the last: sim: forbidden"));
  EXPECT_LT(sim.reads_, 400U);
}

TEST(CopySimulation, ANameTooLongForTheTargetIsToldBeforeAnythingIsRead) {
  CopySim sim(5, 1, {});
  sim.name_bytes_most_ = 1;
  sim.run();
  for (const auto& [key, outcome] : sim.ended_) {
    ASSERT_FALSE(outcome.ok()) << key;
    EXPECT_EQ(outcome.error().message(), "the name has 2 bytes, the target takes 1 at most");
  }
  EXPECT_EQ(sim.reads_, 0U);
  EXPECT_TRUE(sim.targets_[0].objects.empty());
}

CopyItem an_item(std::string key) {
  CopyItem item;
  item.source.key = key;
  item.source.version = "v";
  item.source.bytes = 100;
  item.target_keys = {"t/" + key};
  return item;
}

class JournalTest : public testing::Test {
 protected:
  fs::path path_ = fs::temp_directory_path() / fmt::format("isobar-journal-{}", ::getpid());
  void TearDown() override { fs::remove(path_); }
};

TEST_F(JournalTest, TellsWhatWasDoneOpenAndIntended) {
  {
    auto opened = Journal::open(path_);
    auto& journal = opened->first;
    journal.object_done(an_item("done"));
    journal.intend_upload(an_item("a"), 0, Instant::from_unix_seconds(7));
    journal.started(an_item("a"), 0, 8, {"t/a", "upload", {}});
    journal.part_done(an_item("a"), 0, {2, 8, "etag", 0xffffffffU});
    journal.intend_upload(an_item("b"), 0, Instant::from_unix_seconds(8));
    journal.started(an_item("c"), 0, 8, {"t/c", "other", {}});
    journal.aborted(an_item("c"), 0);
    ASSERT_TRUE(journal.sync().ok());
    EXPECT_EQ(Journal::open(path_).error().code(), Code::kConflict) << "one process at a time";
  }
  const auto opened = Journal::open(path_);
  const auto& state = opened->second;
  EXPECT_EQ(state.resume.done.count(item_mark(an_item("done"))), 1U);
  ASSERT_EQ(state.resume.open.size(), 1U);
  const auto& upload = state.resume.open.at("a").uploads.at(0);
  EXPECT_EQ(upload.upload.id, "upload");
  EXPECT_EQ(upload.parts.at(2).crc32c, 0xffffffffU);
  ASSERT_EQ(state.intents.size(), 1U);
  EXPECT_EQ(state.intents[0].target_key, "t/b");
}

TEST_F(JournalTest, ATornTailIsCutOffAndWhatWasWholeStays) {
  {
    auto opened = Journal::open(path_);
    opened->first.object_done(an_item("a"));
    opened->first.object_done(an_item("b"));
    ASSERT_TRUE(opened->first.sync().ok());
  }
  const auto size = fs::file_size(path_);
  for (std::uintmax_t cut = 1; cut < 20; ++cut) {
    fs::resize_file(path_, size - cut);
    auto opened = Journal::open(path_);
    EXPECT_EQ(opened->second.objects_done, 1U);
    opened->first.object_done(an_item("b"));
    ASSERT_TRUE(opened->first.sync().ok());
    EXPECT_EQ(fs::file_size(path_), size);
  }
  ASSERT_TRUE(write_file(path_, "something else entirely").ok());
  EXPECT_EQ(Journal::open(path_).error().code(), Code::kDataLoss);
}

TEST_F(JournalTest, ALineOfTheManifestThatAKillCutShortIsRemoved) {
  const ObjectEnded ended{an_item("a"), {}, false, std::nullopt, {}};
  const auto add_one = [&] {
    auto manifest = Manifest::open(path_);
    ASSERT_TRUE(manifest.ok()) << manifest.error().message();
    manifest->add(ended, {storage::Location{}});
    ASSERT_TRUE(manifest->flush().ok());
  };
  add_one();
  const std::string line = read_file(path_).value();
  for (std::size_t kept = 0; kept < line.size(); ++kept) {
    ASSERT_TRUE(write_file(path_, line + line.substr(0, kept)).ok());
    add_one();
    EXPECT_EQ(read_file(path_).value(), line + line) << kept;
  }
}

}  // namespace
}  // namespace isobar::transfer
