#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "notify/entries.h"
#include "notify/inhibit.h"
#include "notify/routing/intake.h"
#include "notify/routing/standing.h"
#include "notify/settings.h"
#include "notify/snapshot.h"

namespace vedette::notify {

/// Decides who is told what and when. A pure state machine: it reads no clock, writes no file and sends
/// nothing; it is given `now` and answers with what is to be done. One thread.
///
/// The way of an alert:
///
///     take ─ route ─┬─► group ── wait group_wait, then every group_interval ──► flush
///                   └─► group (with `continue`, another)                          │
///     flush:  inhibit → times → silence → dedup → retry → send ──► finished ─┐    │
///                                                   ▲                │ failed     │
///                                                   └── owed, waits ◄┘            │
///                                                       merged with newer content ◄┘
///
/// Invariants:
///  (D1) What dedup decided to tell stays owed until it was sent, its alerts were all silenced or
///       inhibited, its route fell mute, its receiver left the configuration, or
///       limits::notify_owed_max passed.
///  (D2) One delivery (group, receiver, integration) has at most one attempt in flight.
///  (D3) At most limits::notify_in_flight_max attempts are in flight.
///  (D4) A resolved alert leaves its group only after a flush has seen it and nothing is owed.
///  (D5) Every `Send` is preceded in the same turn by its `AttemptEntry` with `started`.
class Dispatcher {
public:
    using SteadyTime = std::chrono::steady_clock::time_point;

    struct Send {
        std::int64_t attempt = 0;
        DeliveryKey key;
        std::shared_ptr<const Settings> settings;  ///< keeps `how` alive
        const Integration* how = nullptr;
        std::shared_ptr<const Message> message;
        unsigned number = 1;
    };
    /// One line for the log: a change of state.
    struct Note {
        bool warning = false;
        std::string what;
        std::vector<std::pair<std::string_view, std::string>> fields;
    };
    struct Turn {
        std::vector<Entry> entries;  ///< to be recorded before `sends` go out
        std::vector<Send> sends;
        std::vector<Note> notes;
    };

    /// `jitter` draws from 0 to 1 for waits between attempts.
    Dispatcher(std::shared_ptr<const Settings> settings, std::function<double()> jitter);

    /// What the ledger remembers, once, before anything else.
    void restore(const Memory& memory, Moment now);
    void take(std::span<const AlertRef> alerts, Moment now);
    void finished(std::int64_t attempt, const Outcome& outcome, Moment now);
    /// Swaps the configuration; what is held, told, owed and in flight stays.
    void reload(std::shared_ptr<const Settings> settings, Moment now);

    /// What a change of a silence did; `entries` are to be recorded before anybody is told of it.
    struct SilenceChange {
        std::string id;
        std::vector<Entry> entries;
    };
    /// As `SilenceTable::set` with the configured greatest length; `who` does it.
    Result<SilenceChange> put_silence(Silence silence, std::string fresh_id, std::string who,
                                      Moment now);
    Result<SilenceChange> expire_silence(std::string_view id, std::string who, Moment now);
    const SilenceTable& silences() const { return silences_; }

    /// Flushes and retries that are due, and everything that is to be done since last asked.
    Turn due(Moment now);
    /// When `due` has something to do again; nothing when only an event can change that.
    std::optional<SteadyTime> next_due() const;

    /// Begins no more attempts from now on.
    void pause() { paused_ = true; }
    /// What is to be recorded since last asked, without anything new being done.
    Turn collect() { return std::exchange(turn_, {}); }

    Snapshot snapshot(Moment now) const;
    /// What fires, for API v2; `intake` knows the times of what other programs sent.
    Standing standing(const Intake& intake, Moment now) const;
    const Settings& settings() const { return *settings_; }
    std::size_t alert_count() const { return alerts_.size(); }
    std::size_t in_flight() const { return flights_.size(); }

private:
    /// A message that was decided on and has not arrived.
    struct Owed {
        std::shared_ptr<const Message> message;
        Fingerprints firing, resolved;  ///< what counts as told once it is sent
        Moment since;
        unsigned tries = 0;
        SteadyTime not_before;
        std::int64_t planned = 0;  ///< row of the ledger that promises it; 0: none yet
        bool possible_repeat = false;
    };
    struct Delivery {
        DeliveryKey key;
        const Integration* how = nullptr;
        std::optional<Reason> last_decision;
        std::optional<Owed> owed;
        std::int64_t in_flight = 0;  ///< attempt id; 0: none
        bool queued = false;         ///< waits for one of the limited places
        std::string last_error;
    };
    struct Held {
        AlertRef alert;
        bool resolve_flushed = false;  ///< a flush has seen it resolved
    };
    struct Group {
        const RouteNode* route = nullptr;
        std::string key;
        Labels labels;
        std::map<std::uint64_t, Held> alerts;  // by fingerprint
        std::vector<Delivery> deliveries;
        SteadyTime next_flush, wake;
        bool flushed = false;
        bool again = false;  ///< flush as soon as nothing is in flight
        std::vector<std::string> muted_by;  ///< time intervals that muted the last flush
        std::set<std::pair<AlertId, Reason>> muted;  ///< said once each, not at every flush
    };
    /// What comes through the stages of one flush.
    struct Passage {
        std::vector<AlertRef> alerts;
        Fingerprints firing, resolved;
        std::optional<Reason> muted;  ///< why the last one was taken out
    };
    struct Flight {
        std::int64_t id = 0;
        DeliveryKey key;
        std::shared_ptr<const Message> message;
        Fingerprints firing, resolved;
    };
    using GroupId = std::pair<const RouteNode*, std::uint64_t>;

    /// `accept` is asked by group key, and told whether that group is there.
    void place(const AlertRef& alert, Moment now,
               const std::function<bool(const std::string& key, bool exists)>& accept);
    Group& make_group(const RouteNode& route, std::string key, Labels labels, GroupId id);
    void flush(Group& group, Moment now);
    static Passage gather(Group& group);
    Passage inhibit(Passage in, Group& group, Moment now);
    Passage look_at_clock(Passage in, Group& group, Moment now);
    Passage silence(Passage in, Group& group, Moment now);
    Reason dedup(const Passage& in, const Group& group, const Delivery& to, Moment now) const;
    void owe(Reason reason, const Passage& in, Group& group, Delivery& to, Moment now);
    void drop_owed(Delivery& to, Reason why, Moment now);
    void start(Delivery& to, Moment now);
    void plan(const Delivery& to, std::int64_t id, std::optional<Timestamp> started);
    void failed(const Flight& flight, Group& group, Delivery& to, const Outcome& outcome, Moment now);
    void tell(const DeliveryKey& key, const Fingerprints& firing, const Fingerprints& resolved,
              std::string remember, Moment now);
    Milliseconds rate_wait(const Delivery& to, Moment now);
    void remind(Delivery& to);
    void decided(Reason reason, const Passage& in, Delivery& to, Moment now);
    void mute(const AlertRef& alert, Group& group, Reason why, std::string detail, Moment now);
    void sweep(Group& group);
    void settle(const GroupId& id);
    void start_waiting(Moment now);
    bool owes_resolve(const std::string& group_key, std::uint64_t fingerprint) const;
    void resume(const AttemptEntry& attempt, const std::map<AlertId, AlertRef>& known, Moment now);
    void end_resolved_silences(const Alert& resolved, Moment now);
    void purge(Moment now);
    std::pair<Group*, Delivery*> find(const DeliveryKey& key);
    DeliveryStatus status_of(const Group& group, const Delivery& to, const Alert& alert,
                             Moment now) const;
    Message message_for(Reason reason, const Passage& in, const Group& group, Moment now) const;

    std::shared_ptr<const Settings> settings_;
    std::function<double()> jitter_;
    Inhibitor inhibitor_;
    SilenceTable silences_;
    std::unordered_map<std::uint64_t, AlertRef> alerts_;  // by fingerprint
    std::map<GroupId, Group> groups_;
    std::unordered_multimap<std::string, GroupId> by_key_;  // siblings may share a group key
    std::set<std::pair<SteadyTime, GroupId>> wakes_;
    std::map<DeliveryKey, Told> told_;
    std::map<std::int64_t, Flight> flights_;
    /// Attempts begun lately, of integrations that have a rate: by receiver and index.
    std::map<std::pair<std::string, std::uint32_t>, std::deque<SteadyTime>> begun_;
    std::deque<DeliveryKey> waiting_;  // for one of the limited places
    std::int64_t last_attempt_ = 0;
    bool paused_ = false;
    SteadyTime next_purge_{};
    Turn turn_;
};

/// The routes an alert takes: depth first, the deepest that match; a sibling is looked at only after a
/// route that says `continue`. The root always matches.
std::vector<const RouteNode*> match_routes(const RouteNode& root, const Labels& labels);

}  // namespace vedette::notify
