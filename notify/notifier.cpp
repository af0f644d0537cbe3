#include "notify/notifier.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"
#include "notify/senders/sender.h"

namespace vedette::notify {
namespace {

using namespace std::chrono_literals;

constexpr Milliseconds history_wait_max = 1s;     // of a message, for its chart and threshold
constexpr std::size_t histories_per_message = 3;  // the others say their value alone

/// Whether what is known of the past would be read: a program has no eyes.
bool shows_history(const Integration& how) {
    if (const auto* web = std::get_if<WebSettings>(&how.how))
        return web->own_words && web->kind != "webhook" && web->kind != "alertmanager";
    return std::holds_alternative<EmailSettings>(how.how);
}

Outcome outcome_of(const CommandEnd& end) {
    constexpr int try_again = 75;  // EX_TEMPFAIL of sysexits.h
    Outcome out;
    out.sent = end.error.empty();
    out.status = end.exit_code;
    out.error = end.error;
    out.retry = !end.timed_out && end.exit_code == try_again;
    return out;
}

/// How long a program that sends alerts or silences waits for the disk before it is told to try again.
constexpr auto posted_commit_wait_max = 10s;
static_assert(posted_commit_wait_max > limits::ledger_commit_wait_max);

/// A random identifier, version 4 of RFC 9562, from the system's source: `9a9d1b6c-2e07-4b0e-9f4e-…`.
std::string fresh_uuid() {
    std::random_device device;
    const std::uint32_t a = device(), b = device(), c = device(), d = device();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", a, b >> 16, b & 0xfff,
                       0x8000 | (c >> 18), c & 0xffff, d);
}

}  // namespace

Result<std::unique_ptr<Notifier>> Notifier::make(Settings settings, const std::string& ledger_path,
                                                 Loop& loop, HttpClient& http, SmtpClient& mail,
                                                 const Clock& clock, Log& log, Metrics& metrics,
                                                 Reserve* reserve) {
    auto templates = Templates::make(settings);
    if (!templates) return fail(templates.error());
    if (auto ok = check_templates(settings, **templates); !ok) return fail(ok.error());
    auto ledger = Ledger::open(ledger_path, clock, log, metrics, reserve);
    if (!ledger) return fail(ledger.error());
    auto memory = (*ledger)->recall();
    if (!memory) return fail(memory.error());
    std::unique_ptr<Notifier> out(
        new Notifier(std::make_shared<const Settings>(std::move(settings)), std::move(*templates),
                     std::move(*ledger), loop, http, mail, clock, log, metrics));
    Lock lock(out->mutex_);
    out->dispatcher_.restore(*memory, Moment::of(clock));
    for (const ResentEntry& one : memory->posted)
        for (const Alert& alert : memory->alerts)
            if (alert.id == one.id)
                out->intake_.restore(std::make_shared<const Alert>(alert), one.times);
    return out;
}

Notifier::Notifier(std::shared_ptr<const Settings> settings,
                   std::shared_ptr<const Templates> templates, std::unique_ptr<Ledger> ledger,
                   Loop& loop, HttpClient& http, SmtpClient& mail, const Clock& clock, Log& log,
                   Metrics& metrics)
    : loop_(loop),
      http_(http),
      mail_(mail),
      clock_(clock),
      log_(log),
      metrics_(metrics),
      ledger_(std::move(ledger)),
      commands_(loop),
      random_(std::random_device()()),
      dispatcher_(std::move(settings),
                  [this]() VEDETTE_REQUIRES(mutex_) {
                      return std::uniform_real_distribution<double>(0, 1)(random_);
                  }),
      templates_(std::move(templates)) {}

Notifier::~Notifier() {
    loop_.cancel(timer_);
    ledger_.reset();  // its thread calls back through `post`
    *alive_ = false;
}

void Notifier::post(std::function<void()> work) {
    loop_.post([alive = alive_, work = std::move(work)] {
        if (*alive) work();
    });
}

void Notifier::start() {
    {
        Lock lock(mutex_);
        running_ = true;
    }
    post([this] { pump(); });
}

void Notifier::stop() {
    const auto until = std::chrono::steady_clock::now() + limits::notify_stop_wait_max;
    Lock lock(mutex_);
    running_ = false;
    dispatcher_.pause();
    if (loop_.on_loop_thread()) return;
    while (dispatcher_.in_flight() > 0 &&
           idle_.wait_until(mutex_, until) == std::cv_status::no_timeout) {
    }
}

Result<void> Notifier::reload(Settings settings) {
    auto templates = Templates::make(settings);
    if (!templates) return fail(templates.error());
    if (auto ok = check_templates(settings, **templates); !ok) return ok;
    {
        Lock lock(mutex_);
        dispatcher_.reload(std::make_shared<const Settings>(std::move(settings)),
                           Moment::of(clock_));
        templates_ = std::move(*templates);
    }
    post([this] { pump(); });
    return {};
}

Result<void> Notifier::take(std::span<const Alert> alerts) {
    if (alerts.empty()) return {};
    {
        Lock lock(mutex_);
        if (dispatcher_.alert_count() + alerts.size() > limits::alerts_open_max)
            return fail(Fault::Limit,
                        fmt::format("{} alerts are open; the limit is alerts_open_max {}",
                                    dispatcher_.alert_count(), limits::alerts_open_max));
    }
    std::vector<AlertRef> refs;
    std::vector<Entry> entries;
    for (const Alert& alert : alerts) {
        refs.push_back(std::make_shared<const Alert>(alert));
        entries.push_back(AlertEntry{refs.back(), clock_.now()});
    }
    // A page beats its record: after the wait it is acted on from memory and written later.
    if (!ledger_->wait(ledger_->record(std::move(entries)), limits::ledger_commit_wait_max))
        log_.warn("ledger is slow; alerts are acted on before their record",
                  {{"alerts", alerts.size()}, {"backlog", ledger_->backlog()}});
    {
        Lock lock(mutex_);
        dispatcher_.take(refs, Moment::of(clock_));
    }
    post([this] { pump(); });
    return {};
}

Result<void> Notifier::take_posted(std::span<const PostedAlert> alerts) {
    if (alerts.empty()) return {};
    std::vector<Entry> entries;
    {
        Lock lock(mutex_);
        if (dispatcher_.alert_count() + alerts.size() > limits::alerts_open_max)
            return fail(Fault::Limit,
                        fmt::format("{} alerts are open; the limit is alerts_open_max {}",
                                    dispatcher_.alert_count(), limits::alerts_open_max));
        entries = intake_.take(alerts, dispatcher_.settings().resolve_timeout, clock_.now());
    }
    std::vector<AlertRef> changed;
    for (const Entry& entry : entries)
        if (const auto* one = std::get_if<AlertEntry>(&entry)) changed.push_back(one->alert);
    const Ledger::Ticket ticket = ledger_->record(std::move(entries));
    const bool recorded = ledger_->wait(ticket, limits::ledger_commit_wait_max);
    if (!changed.empty()) {
        Lock lock(mutex_);
        // What another request said meanwhile is newer.
        for (AlertRef& alert : changed)
            if (const auto* standing = intake_.find(alert->id.fingerprint)) alert = standing->alert;
        dispatcher_.take(changed, Moment::of(clock_));
    }
    post([this] { pump(); });
    return recorded ? Result<void>() : wait_for_disk(ticket);
}

/// A page beats its record; the promise to another program does not.
Result<void> Notifier::wait_for_disk(Ledger::Ticket ticket) {
    if (ledger_->wait(ticket, posted_commit_wait_max)) return {};
    return fail(Fault::Unavailable, "the ledger cannot be written; acted on from memory, send again");
}

Result<void> Notifier::commit(Result<Dispatcher::SilenceChange> change) {
    if (!change) return fail(change.error());
    const Ledger::Ticket ticket = ledger_->record(std::move(change->entries));
    post([this] { pump(); });
    return wait_for_disk(ticket);
}

Result<std::string> Notifier::put_silence(Silence silence, std::string who) {
    Result<Dispatcher::SilenceChange> change = [&] {
        Lock lock(mutex_);
        return dispatcher_.put_silence(std::move(silence), fresh_uuid(), std::move(who),
                                       Moment::of(clock_));
    }();
    std::string id = change ? change->id : std::string();
    if (auto done = commit(std::move(change)); !done) return fail(done.error());
    return id;
}

Result<void> Notifier::expire_silence(std::string_view id, std::string who) {
    return commit([&] {
        Lock lock(mutex_);
        return dispatcher_.expire_silence(id, std::move(who), Moment::of(clock_));
    }());
}

std::vector<Silence> Notifier::silences() const {
    Lock lock(mutex_);
    std::vector<Silence> out;
    for (const auto& [id, silence] : dispatcher_.silences().all()) out.push_back(silence);
    return out;
}

Standing Notifier::standing() const {
    Lock lock(mutex_);
    return dispatcher_.standing(intake_, Moment::of(clock_));
}

std::vector<std::string> Notifier::receivers() const {
    Lock lock(mutex_);
    std::vector<std::string> out;
    for (const Receiver& one : dispatcher_.settings().receivers) out.push_back(one.name);
    return out;
}

std::string Notifier::shown() const {
    Lock lock(mutex_);
    return dispatcher_.settings().shown;
}

Snapshot Notifier::snapshot() const {
    Lock lock(mutex_);
    return dispatcher_.snapshot(Moment::of(clock_));
}

// ── on the loop ──

void Notifier::pump() {
    Dispatcher::Turn turn;
    std::optional<Dispatcher::SteadyTime> next;
    std::vector<AlertRef> ended;
    const Moment now = Moment::of(clock_);
    {
        Lock lock(mutex_);
        if (running_) {
            ended = intake_.due(now.wall);
            dispatcher_.take(ended, now);
        }
        turn = running_ ? dispatcher_.due(now) : dispatcher_.collect();
        if (running_) next = next_due(now);
    }
    for (const AlertRef& alert : ended) turn.entries.push_back(AlertEntry{alert, now.wall, {}});
    write_notes(turn.notes);
    const auto ticket = ledger_->record(std::move(turn.entries));
    if (!turn.sends.empty()) post_when_recorded(ticket, std::move(turn.sends));
    metrics_.gauge("vedette_notify_ledger_backlog_entries", "Entries that wait for the disk.")
        .set(static_cast<double>(ledger_->backlog()));
    loop_.cancel(timer_);
    timer_ = {};
    if (next) timer_ = loop_.at(*next, [this] { pump(); });
}

/// Ends of posted alerts are on the wall clock; the loop waits on the steady one.
std::optional<Dispatcher::SteadyTime> Notifier::next_due(Moment now) const {
    std::optional<Dispatcher::SteadyTime> next = dispatcher_.next_due();
    if (const auto end = intake_.next_due()) {
        const auto at = now.steady + std::max(*end - now.wall, Milliseconds(0));
        next = next ? std::min<Dispatcher::SteadyTime>(*next, at) : at;
    }
    return next;
}

void Notifier::post_when_recorded(Ledger::Ticket ticket, std::vector<Dispatcher::Send> sends) {
    auto outbox = std::make_shared<Outbox>();
    outbox->sends = std::move(sends);
    ledger_->when_recorded(ticket, [this, outbox] { post([this, outbox] { go(outbox); }); });
    outbox->timer =
        loop_.after(limits::ledger_commit_wait_max, [this, alive = alive_, outbox, ticket] {
            if (!*alive || outbox->gone) return;
            if (ledger_->act_unrecorded(ticket))
                log_.warn("ledger is slow; messages go out before their record",
                          {{"messages", outbox->sends.size()}});
            go(outbox);
        });
}

void Notifier::go(const std::shared_ptr<Outbox>& outbox) {
    if (std::exchange(outbox->gone, true)) return;
    loop_.cancel(outbox->timer);
    for (Dispatcher::Send& one : outbox->sends) {
        if (one.settings->record_only) note_record(one, Moment::of(clock_));
        else if (!ask_history_ || !shows_history(*one.how)) attempt(one);
        else gather_histories(std::move(one), [this](const Dispatcher::Send& ready) { attempt(ready); });
    }
}

struct Notifier::Gathering {
    Dispatcher::Send send;
    std::function<void(Dispatcher::Send)> then;
    std::map<std::uint64_t, std::shared_ptr<const History>> found;
    std::size_t missing = 0;
    Loop::TimerId timer;
    bool gone = false;

    void go() {
        if (std::exchange(gone, true)) return;
        if (!found.empty()) {
            Message message = *send.message;
            message.histories = std::move(found);
            send.message = std::make_shared<const Message>(std::move(message));
        }
        then(std::move(send));
    }
};

/// The message waits for its first alerts' histories, and not long.
void Notifier::gather_histories(Dispatcher::Send send, std::function<void(Dispatcher::Send)> then) {
    auto gathering = std::make_shared<Gathering>();
    std::vector<AlertRef> asked(send.message->alerts);
    std::ranges::stable_partition(asked, [](const AlertRef& one) { return !is_over(*one); });
    asked.resize(std::min(asked.size(), histories_per_message));
    gathering->send = std::move(send);
    gathering->then = std::move(then);
    gathering->missing = asked.size();
    gathering->timer = loop_.after(history_wait_max, [alive = alive_, gathering] {
        if (*alive) gathering->go();
    });
    for (const AlertRef& alert : asked)
        ask_history_(alert, [this, alive = alive_, &loop = loop_, gathering,
                             fingerprint = alert->id.fingerprint](std::shared_ptr<const History> history) {
            loop.post([this, alive, gathering, fingerprint, history = std::move(history)] {
                if (!*alive || gathering->gone) return;
                if (history) gathering->found[fingerprint] = history;
                if (--gathering->missing > 0) return;
                loop_.cancel(gathering->timer);
                gathering->go();
            });
        });
}

void Notifier::attempt(const Dispatcher::Send& one) {
    std::shared_ptr<const Templates> templates;
    {
        Lock lock(mutex_);
        templates = templates_;
    }
    const Doors doors{
        http_,
        [this](const SmtpSettings& settings, Mail mail, Deadline deadline, auto done) {
            mail_.send(settings, std::move(mail), deadline, std::move(done));
        },
        clock_,
        [this](const ExecSettings& exec, std::string input, OutcomeDone done) {
            commands_.start({exec.command, std::move(input), exec.timeout},
                            [done = std::move(done)](const CommandEnd& end) { done(outcome_of(end)); });
        }};
    send({one.how, one.message, templates, one.attempt}, doors,
         [this, alive = alive_, one, began = Moment::of(clock_)](const Outcome& outcome) {
             if (*alive) finished(one, outcome, began);
         });
}

/// Shadow mode: as if it had arrived, and nothing went out.
void Notifier::note_record(const Dispatcher::Send& one, Moment began) {
    Outcome outcome;
    outcome.sent = outcome.recorded = true;
    finished(one, outcome, began);
}

void Notifier::finished(const Dispatcher::Send& send, const Outcome& outcome, Moment began) {
    const Moment now = Moment::of(clock_);
    const Labels whose{{"integration", send.how->kind()}, {"receiver", send.key.receiver}};
    metrics_
        .histogram("vedette_notify_duration_seconds", "How long attempts took.",
                   {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30}, whose)
        .observe(std::chrono::duration<double>(now.steady - began.steady).count());
    if (outcome.recorded)
        metrics_
            .counter("vedette_notify_recorded_total",
                     "Messages that shadow mode recorded and did not send.", whose)
            .add();
    else if (outcome.sent)
        metrics_.counter("vedette_notify_sent_total", "Messages that arrived.", whose).add();
    else
        metrics_.counter("vedette_notify_failed_total", "Attempts that failed.", whose).add();
    {
        Lock lock(mutex_);
        dispatcher_.finished(send.attempt, outcome, now);
        if (dispatcher_.in_flight() == 0) idle_.notify_all();
    }
    post([this] { pump(); });
}

void Notifier::write_notes(const std::vector<Dispatcher::Note>& notes) {
    for (const Dispatcher::Note& note : notes) {
        // The log takes its fields as a list; the longest note has four.
        const auto field = [&](std::size_t i) {
            return LogField(note.fields[i].first, note.fields[i].second);
        };
        const LogLevel level = note.warning ? LogLevel::Warn : LogLevel::Info;
        switch (note.fields.size()) {
            case 0:
                log_.write(level, note.what, {});
                break;
            case 1:
                log_.write(level, note.what, {field(0)});
                break;
            case 2:
                log_.write(level, note.what, {field(0), field(1)});
                break;
            case 3:
                log_.write(level, note.what, {field(0), field(1), field(2)});
                break;
            default:
                log_.write(level, note.what, {field(0), field(1), field(2), field(3)});
        }
    }
}

}  // namespace vedette::notify
