#include "transfer/copy_driver.h"

#include <chrono>

#include "lister.h"
#include "made_of_parts.h"
#include "mailbox.h"
#include "manifest.h"
#include "storage/patience.h"

namespace isobar::transfer {

namespace {

using storage::await;
using storage::await_patiently;

// How long a record may wait for others before it is made durable: what a crash makes the next run do again.
constexpr Duration kGroup = 200ms;

class CopyRun {
 public:
  CopyRun(CopyJob job, const CopyHooks& hooks, Journal journal, Manifest manifest, ResumeState resume)
      : job_(std::move(job)),
        hooks_(hooks),
        journal_(std::move(journal)),
        manifest_(std::move(manifest)),
        core_(job_.plan, std::move(resume)),
        mover_(job_.mover ? job_.mover : std::shared_ptr(make_direct_mover(job_.source, job_.targets, job_.plan.memory_bytes))) {
    for (const auto& target : job_.targets) target_places_.push_back(target->location());
  }

  Result<CopySummary> run(ItemSource& items) {
    Lister lister(items, mailbox_);
    bool listing_told = false;
    while (!core_.finished()) {
      if (hooks_.stop.stop_requested()) return interrupt();
      for (auto& event : mailbox_.take(patience())) step(std::move(event));
      while (core_.wants_items()) {
        auto item = lister.take();
        if (!item) break;
        step(ItemListed{std::move(*item)});
      }
      if (!listing_told && lister.ended()) {
        listing_told = true;
        step(ListingEnded{});
      }
      if (const auto timer = core_.next_timer(); timer && *timer <= clock_.now()) step(Tick{});
      mover_->flush();
      TRY(keep_journal());
      report(listing_told, false);
    }
    TRY(flush_targets());
    TRY(journal_.sync());
    report(listing_told, true);
    CopySummary summary{core_.totals(), core_.stopped().ok() ? lister.outcome() : Status(), core_.stopped(), false};
    if (summary.complete() && summary.totals.uploads_left == 0) {
      if (hooks_.all_copied) hooks_.all_copied();
      TRY(journal_.remove());
    }
    TRY(manifest_.flush());
    return summary;
  }

 private:
  Duration patience() const {
    Duration most = 200ms;
    if (journal_.dirty()) most = std::min(most, kGroup);
    if (const auto timer = core_.next_timer()) most = std::clamp(*timer - clock_.now(), Duration(0), most);
    return most;
  }

  void step(Event event) {
    // Only when it is gone: an upload that could not be removed is for the next run to remove.
    if (const auto* told = std::get_if<AbortAnswer>(&event);
        told && (told->outcome.ok() || told->outcome.error().code() == Code::kNotFound))
      journal_.aborted(core_.item(told->object), told->target);
    for (auto& effect : core_.step(std::move(event), clock_.now())) std::visit([this](auto& one) { carry_out(one); }, effect);
  }

  // Uploads are started only after the intent to start them is on disk, and completed only after all of their parts are: what an
  // upload was made of is all that tells afterwards whether it was completed. One flush serves all that wait.
  Status keep_journal() {
    const Instant now = clock_.now();
    if (starts_.empty() && completions_.empty() && !ended_in_parts_ && (!journal_.dirty() || now - synced_ < kGroup)) return {};
    ended_in_parts_ = false;
    TRY(manifest_.flush());  // first: what the journal calls done is not done again, and would be missing
    TRY(journal_.sync());
    synced_ = now;
    for (const auto& start : std::exchange(starts_, {})) {
      job_.targets[start.target]->start_upload(core_.item(start.object).target_keys[start.target], core_.properties(start.object),
                                               [this, start](Result<storage::Upload> outcome) {
                                                 mailbox_.post(StartAnswer{start.object, start.target, std::move(outcome)});
                                               });
    }
    for (const auto& completion : std::exchange(completions_, {})) complete(completion);
    return {};
  }

  Status flush_targets() {
    for (const auto& target : job_.targets) TRY(await<void>([&](auto done) { target->flush(done); }));
    return {};
  }

  // What is under way is left to itself: the process ends, and the journal tells the next run.
  Result<CopySummary> interrupt() {
    TRY(journal_.sync());
    TRY(manifest_.flush());
    return CopySummary{core_.totals(), {}, {}, true};
  }

  void report(bool listing_ended, bool now) {
    if (!hooks_.progress || (!now && clock_.now() - reported_ < 200ms)) return;
    reported_ = clock_.now();
    hooks_.progress(core_.totals(), listing_ended);
  }

  void carry_out(HeadSource& it) {
    job_.source->head(core_.item(it.object).source.key, it.with_tags, [this, id = it.object](Result<storage::ObjectHead> outcome) {
      mailbox_.post(HeadAnswer{id, std::move(outcome)});
    });
  }

  void carry_out(ReadChunk& it) {
    const ChunkId id = it.chunk;
    mover_->read(id, std::move(it), [this, id](Result<storage::Got> outcome, std::uint32_t crc) {
      mailbox_.post(ReadAnswer{id, std::move(outcome), crc});
    });
  }

  void carry_out(ReadAgain& it) { mover_->read_again(it.chunk); }

  void carry_out(PutWhole& it) {
    mover_->put(it.chunk, it.target, core_.item(it.chunk).target_keys[it.target], core_.properties(core_.object_of(it.chunk)),
                core_.chunk_crc32c(it.chunk), [this, id = it.chunk, target = it.target](Result<storage::PutReceipt> outcome) {
                  mailbox_.post(PutAnswer{id, target, std::move(outcome)});
                });
  }

  void carry_out(PutPart& it) {
    mover_->put_part(it.chunk, it.target, it.upload, it.number, it.offset, core_.chunk_crc32c(it.chunk),
                     [this, id = it.chunk, target = it.target](Result<storage::Part> outcome) {
                       mailbox_.post(PartAnswer{id, target, std::move(outcome)});
                     });
  }

  void carry_out(StartUpload& it) {
    journal_.intend_upload(core_.item(it.object), it.target, clock_.now());
    starts_.push_back(it);
  }

  void carry_out(CompleteUpload& it) { completions_.push_back(it); }

  void complete(const CompleteUpload& it) {
    auto& target = *job_.targets[it.target];
    const std::uint64_t bytes = core_.item(it.object).source.bytes;
    storage::Checksums checksums;
    checksums.crc32c = core_.object_crc32c(it.object);
    const storage::Upload upload = core_.upload(it.object, it.target);
    target.complete_upload(
        upload, core_.parts(it.object, it.target), bytes, core_.properties(it.object), checksums,
        [this, &target, bytes, key = upload.key, id = it.object, index = it.target](Result<storage::PutReceipt> outcome) {
          if (outcome.ok() || outcome.error().code() != Code::kNotFound)
            return mailbox_.post(CompleteAnswer{id, index, std::move(outcome)});
          settle_lost_completion(target, key, bytes, id, index, outcome.error());
        });
  }

  // An upload that is gone when it is to be completed may have been completed by a call whose answer was lost.
  void settle_lost_completion(storage::Store& target, const std::string& key, std::uint64_t bytes, ObjectId id, std::size_t index,
                              Error error) {
    target.head(key, false, [this, bytes, id, index, error = std::move(error)](Result<storage::ObjectHead> head) {
      Result<storage::PutReceipt> outcome = error;
      if (head.ok() && head->info.bytes == bytes) outcome = storage::PutReceipt{head->info.version, head->info.etag, head->info.checksums};
      mailbox_.post(CompleteAnswer{id, index, std::move(outcome)});
    });
  }

  void carry_out(AbortUpload& it) {
    job_.targets[it.target]->abort_upload(it.upload, [this, it](Status outcome) {
      mailbox_.post(AbortAnswer{it.object, it.target, it.upload, std::move(outcome)});
    });
  }

  void carry_out(ServerCopy& it) {
    const auto& item = core_.item(it.object);
    job_.targets[it.target]->copy(*job_.source, item.source.key, item.source.version, item.target_keys[it.target], std::nullopt,
                                  [this, it](Result<storage::PutReceipt> outcome) {
                                    mailbox_.post(CopyAnswer{it.object, it.target, std::move(outcome)});
                                  });
  }

  void carry_out(ServerCopyPart& it) {
    const auto& item = core_.item(it.object);
    job_.targets[it.target]->copy_part(*job_.source, item.source.key, item.source.version, it.offset, it.bytes, it.upload, it.number,
                                       [this, object = it.object, target = it.target, number = it.number](Result<storage::Part> outcome) {
                                         mailbox_.post(CopyPartAnswer{object, target, number, std::move(outcome)});
                                       });
  }

  void carry_out(ReleaseChunk& it) { mover_->release(it.chunk); }

  void carry_out(UploadStarted& it) {
    journal_.started(core_.item(it.object), it.target, core_.part_bytes(it.object), core_.upload(it.object, it.target));
  }

  void carry_out(PartDone& it) { journal_.part_done(core_.item(it.object), it.target, it.part); }

  void carry_out(ObjectEnded& it) {
    if (it.outcome.ok() && !it.was_done_before) {
      journal_.object_done(it.item);
      // Its upload is gone: a crash before this is known would send all of its parts again.
      ended_in_parts_ = ended_in_parts_ || it.item.source.bytes > job_.plan.part_bytes;
    }
    manifest_.add(it, target_places_);
    if (hooks_.ended) hooks_.ended(it);
  }

  CopyJob job_;
  const CopyHooks& hooks_;
  SystemClock clock_;
  Mailbox mailbox_;
  Journal journal_;
  Manifest manifest_;
  CopyCore core_;
  std::shared_ptr<ChunkMover> mover_;
  std::vector<StartUpload> starts_;
  std::vector<CompleteUpload> completions_;
  bool ended_in_parts_ = false;
  std::vector<storage::Location> target_places_;
  Instant synced_, reported_;
};

// Whether an upload that is gone was completed by a call whose answer the earlier run did not live to see.
bool was_completed(storage::Store& target, const ResumeState::OpenUpload& upload) {
  const auto head = await_patiently<storage::ObjectHead>([&](auto done) { target.head(upload.upload.key, false, done); });
  return head.ok() && is_made_of(head->info, upload.parts);
}

// An upload of an earlier run is taken up only if its store still has it.
Status check_uploads(const CopyJob& job, Journal& journal, ResumeState& resume) {
  for (auto it = resume.open.begin(); it != resume.open.end();) {
    auto& uploads = it->second.uploads;
    CopyItem finished;
    finished.source.key = it->first;
    finished.source.version = it->second.version;
    for (auto upload = uploads.begin(); upload != uploads.end();) {
      if (upload->first >= job.targets.size()) return Error(Code::kDataLoss, "the journal is of another transfer");
      const auto page =
          await_patiently<storage::PartPage>([&](auto done) { job.targets[upload->first]->list_parts(upload->second.upload, 0, done); });
      if (!page.ok() && page.error().code() != Code::kNotFound) return page.error().context("take up the transfer");
      if (page.ok()) {
        ++upload;
        continue;
      }
      if (was_completed(*job.targets[upload->first], upload->second)) {
        finished.target_keys.push_back(upload->second.upload.key);
        finished.source.bytes = 0;
        for (const auto& [number, part] : upload->second.parts) finished.source.bytes += part.bytes;
      }
      upload = uploads.erase(upload);
    }
    if (finished.target_keys.size() == job.targets.size()) {
      resume.done.insert(item_mark(finished));
      journal.object_done(finished);
    }
    if (uploads.empty()) it = resume.open.erase(it);
    else ++it;
  }
  return {};
}

// Uploads that were about to be started when the program died: those that were, and that nobody will complete, are removed.
Status sweep_intents(const std::vector<std::shared_ptr<storage::Store>>& targets, const std::vector<StartIntent>& intents) {
  for (const auto& intent : intents) {
    if (intent.target >= targets.size()) continue;
    auto& target = *targets[intent.target];
    std::string page;
    do {
      auto uploads = await_patiently<storage::UploadPage>([&](auto done) { target.list_uploads(intent.target_key, page, done); });
      // Some that speak S3 cannot list uploads; there is then nothing that could be done about one.
      if (!uploads.ok() && uploads.error().code() == Code::kInvalidArgument) break;
      if (!uploads.ok()) return uploads.error().context("look for unfinished uploads");
      for (const auto& upload : uploads->uploads) {
        if (upload.key != intent.target_key || upload.started < intent.since - 5min || upload.started > intent.since + 10min) continue;
        const Status gone = await_patiently<void>([&](auto done) { target.abort_upload(upload, done); });
        if (!gone.ok() && gone.error().code() != Code::kNotFound) return gone.error().context("remove an unfinished upload");
      }
      page = uploads->next;
    } while (!page.empty());
  }
  return {};
}

}  // namespace

Result<CopySummary> run_copy(CopyJob job, ItemSource& items, const CopyHooks& hooks) {
  TRY_ASSIGN(auto opened, Journal::open(job.journal));
  auto& [journal, state] = opened;
  TRY_ASSIGN(auto manifest, Manifest::open(job.manifest));
  TRY(check_uploads(job, journal, state.resume));
  const auto targets = job.targets;
  TRY(sweep_intents(targets, state.intents));
  job.plan.targets.clear();
  bool server_side = true;
  for (const auto& target : job.targets) {
    job.plan.targets.push_back(target->limits());
    server_side = server_side && target->can_copy_from(*job.source);
  }
  job.plan.server_side = job.plan.server_side && server_side;
  auto run = std::make_unique<CopyRun>(std::move(job), hooks, std::move(journal), std::move(manifest), std::move(state.resume));
  auto summary = run->run(items);
  // Calls of an interrupted job are still under way and will report to it; the process is about to end.
  if (!summary.ok() || summary->interrupted) [[maybe_unused]]
    auto* left = run.release();
  // Once more, when none of our own is under way: a store that was slow may have started one after the client that asked had died.
  if (summary.ok() && summary->complete()) TRY(sweep_intents(targets, state.intents));
  return summary;
}

}  // namespace isobar::transfer
