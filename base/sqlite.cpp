#include "base/sqlite.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <limits>
#include <utility>

namespace vedette {
namespace {

Fault fault_of_sqlite(int code) {
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_IOERR:
            return Fault::Unavailable;
        case SQLITE_FULL:
        case SQLITE_TOOBIG:
        case SQLITE_NOMEM:
            return Fault::Limit;
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
            return Fault::Refused;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return Fault::Corrupt;
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
            return Fault::BadInput;
        case SQLITE_INTERRUPT:
            return Fault::Cancelled;
        default:
            return Fault::Internal;
    }
}

std::string_view name_of(sqlite3* handle) {
    const char* path = sqlite3_db_filename(handle, "main");
    return path == nullptr || *path == '\0' ? "the database in memory" : path;
}

Error error_of(sqlite3* handle, std::string_view doing) {
    return {fault_of_sqlite(sqlite3_extended_errcode(handle)),
            fmt::format("{}: cannot {}: {}", name_of(handle), doing, sqlite3_errmsg(handle))};
}

/// The beginning of a statement on one line. Bound values are not in it.
std::string summary(std::string_view sql) {
    constexpr std::size_t bytes_max = 80;
    std::string text;
    for (const char c : sql) {
        if (text.size() == bytes_max) return text + "…";
        const bool space = c == ' ' || c == '\n' || c == '\t';
        if (!space)
            text += c;
        else if (!text.empty() && text.back() != ' ')
            text += ' ';
    }
    return text;
}

/// Creates the file as only its owner may read it; SQLite gives its log the same mode.
void create_private(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
}

Statement::~Statement() {
    sqlite3_finalize(statement_);
}

Statement& Statement::bind(int index, std::int64_t value) {
    reset();
    check(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK, "a parameter must exist");
    return *this;
}

Statement& Statement::bind(int index, double value) {
    reset();
    check(sqlite3_bind_double(statement_, index, value) == SQLITE_OK, "a parameter must exist");
    return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
    reset();
    // A view without data would be bound as NULL; empty text is not that.
    const char* text = value.data() == nullptr ? "" : value.data();
    const int code =
        sqlite3_bind_text64(statement_, index, text, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    check(code == SQLITE_OK, "a parameter must exist and its text must be of sane size");
    return *this;
}

Statement& Statement::bind_null(int index) {
    reset();
    check(sqlite3_bind_null(statement_, index) == SQLITE_OK, "a parameter must exist");
    return *this;
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    Error error = error_of(sqlite3_db_handle(statement_),
                           fmt::format("run `{}`", summary(sqlite3_sql(statement_))));
    reset();
    return fail(std::move(error));
}

Result<void> Statement::run() {
    while (true) {
        const auto row = step();
        if (!row) return fail(row.error());
        if (!*row) break;
    }
    reset();
    return {};
}

void Statement::reset() {
    sqlite3_reset(statement_);  // says again what step said
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
    if (is_null(column)) return std::numeric_limits<double>::quiet_NaN();
    return sqlite3_column_double(statement_, column);
}

std::string Statement::text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (text == nullptr) return {};
    return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::string& path, const Settings& settings) {
    if (!settings.in_memory && !settings.read_only) create_private(path);
    const int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (settings.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    sqlite3* handle = nullptr;
    const int code =
        sqlite3_open_v2(settings.in_memory ? ":memory:" : path.c_str(), &handle, flags, nullptr);
    Database database(handle);  // closed also when opening failed, as SQLite asks
    if (code != SQLITE_OK)
        return fail(fault_of_sqlite(code),
                    fmt::format("{}: cannot open it: {}", path, sqlite3_errstr(code)));
    sqlite3_busy_timeout(handle, settings.busy_timeout_ms);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    std::string pragmas =
        "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA synchronous=FULL;";
    if (!settings.read_only && !settings.in_memory) pragmas += "PRAGMA journal_mode=WAL;";
    // The first look at the file: what is no database is found here.
    pragmas += "SELECT count(*) FROM sqlite_schema;";
    if (sqlite3_exec(handle, pragmas.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        return fail(database.last_error("open it"));
    return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
}

Database::~Database() {
    sqlite3_close_v2(handle_);
}

Error Database::last_error(std::string_view doing) const {
    return error_of(handle_, doing);
}

Result<void> Database::exec(std::string_view sql) {
    if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        return fail(last_error(fmt::format("run `{}`", summary(sql))));
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return fail(last_error(fmt::format("prepare `{}`", summary(sql))));
    check(statement != nullptr, "a prepared statement must hold some SQL");
    return Statement(statement);
}

Result<void> Database::transaction(const std::function<Result<void>()>& body) {
    check(sqlite3_get_autocommit(handle_) != 0, "transactions do not nest");
    if (auto begun = exec("BEGIN IMMEDIATE"); !begun) return begun;
    // SQLite has already rolled back after some failures (disk full); then there is nothing to do.
    struct Rollback {
        sqlite3* handle;
        ~Rollback() {
            if (sqlite3_get_autocommit(handle) == 0)
                sqlite3_exec(handle, "ROLLBACK", nullptr, nullptr, nullptr);
        }
    } rollback{handle_};
    if (auto done = body(); !done) return done;
    return exec("COMMIT");
}

Result<void> Database::migrate(std::string_view room, std::span<const Migration> migrations) {
    for (std::size_t i = 0; i < migrations.size(); ++i)
        check(migrations[i].version == static_cast<int>(i) + 1, "migrations count 1, 2, 3 …");
    const auto newest = static_cast<std::int64_t>(migrations.size());

    const auto version_of = [&]() -> Result<std::int64_t> {
        auto known = prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_versions'");
        if (!known) return fail(known.error());
        const auto row = known->step();
        if (!row) return fail(row.error());
        if (!*row) return 0;
        auto version = prepare("SELECT version FROM schema_versions WHERE room = ?");
        if (!version) return fail(version.error());
        const auto found = version->bind(1, room).step();
        if (!found) return fail(found.error());
        return *found ? version->integer(0) : 0;
    };
    const auto newer = [&](std::int64_t version) {
        return fail(
            Fault::Refused,
            fmt::format("{}: its {} tables have version {}, of a newer vedette; this one knows "
                        "versions up to {}",
                        name_of(handle_), room, version, newest));
    };
    // Asked before a transaction is begun, so that a file which needs nothing is not written to.
    const auto before = version_of();
    if (!before) return fail(before.error());
    if (*before > newest) return newer(*before);
    if (*before == newest) return {};

    return transaction([&]() -> Result<void> {
        const auto version = version_of();  // another process may have been faster
        if (!version) return fail(version.error());
        if (*version > newest) return newer(*version);
        for (const Migration& migration : migrations.subspan(static_cast<std::size_t>(*version)))
            if (auto done = exec(migration.sql); !done) return done;
        if (auto made = exec("CREATE TABLE IF NOT EXISTS schema_versions "
                             "(room TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT");
            !made)
            return made;
        auto note = prepare(
            "INSERT INTO schema_versions VALUES (?, ?) "
            "ON CONFLICT (room) DO UPDATE SET version = excluded.version");
        if (!note) return fail(note.error());
        return note->bind(1, room).bind(2, newest).run();
    });
}

Result<std::string> Database::integrity_check() {
    auto statement = prepare("PRAGMA integrity_check");
    if (!statement) return fail(statement.error());
    std::string text;
    while (true) {
        const auto row = statement->step();
        if (!row) return fail(row.error());
        if (!*row) return text;
        if (!text.empty()) text += '\n';
        text += statement->text(0);
    }
}

std::int64_t Database::last_insert_id() const {
    return sqlite3_last_insert_rowid(handle_);
}

std::int64_t Database::changes() const {
    return sqlite3_changes64(handle_);
}

void Database::interrupt() {
    sqlite3_interrupt(handle_);
}

}  // namespace vedette
