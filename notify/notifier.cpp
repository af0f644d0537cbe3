#include "notify/notifier.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.h"
#include "notify/senders/sender.h"

namespace vedette::notify {
namespace {

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

Result<void> Notifier::put_silence(Silence silence) {
    {
        Lock lock(mutex_);
        if (auto ok = dispatcher_.put_silence(std::move(silence), Moment::of(clock_)); !ok)
            return ok;
    }
    post([this] { pump(); });
    return {};
}

Result<void> Notifier::expire_silence(std::string_view id) {
    {
        Lock lock(mutex_);
        if (auto ok = dispatcher_.expire_silence(id, Moment::of(clock_)); !ok) return ok;
    }
    post([this] { pump(); });
    return {};
}

Snapshot Notifier::snapshot() const {
    Lock lock(mutex_);
    return dispatcher_.snapshot(Moment::of(clock_));
}

// ── on the loop ──

void Notifier::pump() {
    Dispatcher::Turn turn;
    std::optional<Dispatcher::SteadyTime> next;
    {
        Lock lock(mutex_);
        turn = running_ ? dispatcher_.due(Moment::of(clock_)) : dispatcher_.collect();
        if (running_) next = dispatcher_.next_due();
    }
    write_notes(turn.notes);
    const auto ticket = ledger_->record(std::move(turn.entries));
    if (!turn.sends.empty()) post_when_recorded(ticket, std::move(turn.sends));
    metrics_.gauge("vedette_notify_ledger_backlog_entries", "Entries that wait for the disk.")
        .set(static_cast<double>(ledger_->backlog()));
    loop_.cancel(timer_);
    timer_ = {};
    if (next) timer_ = loop_.at(*next, [this] { pump(); });
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
        if (!ask_history_ || !shows_history(*one.how)) attempt(one);
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

void Notifier::finished(const Dispatcher::Send& send, const Outcome& outcome, Moment began) {
    const Moment now = Moment::of(clock_);
    const Labels whose{{"integration", send.how->kind()}, {"receiver", send.key.receiver}};
    metrics_
        .histogram("vedette_notify_duration_seconds", "How long attempts took.",
                   {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30}, whose)
        .observe(std::chrono::duration<double>(now.steady - began.steady).count());
    if (outcome.sent)
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
