#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace vedette {

using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string>;

/// One prepared statement; reset and rebound on every use. Belongs to its database's thread.
class Statement {
public:
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;
    ~Statement();

    /// Binding begins a new use: what was stepped before is reset. The index counts from 1.
    Statement& bind(int index, std::int64_t value);
    template <std::integral Integer>
    Statement& bind(int index, Integer value) {
        return bind(index, static_cast<std::int64_t>(value));
    }
    /// SQLite keeps a NaN as NULL; `real` reads NULL as NaN again.
    Statement& bind(int index, double value);
    Statement& bind(int index, std::string_view value);
    Statement& bind_null(int index);
    /// True: a row is there. False: done.
    Result<bool> step();
    /// Steps to the end, rows ignored, then resets.
    Result<void> run();
    void reset();

    std::int64_t integer(int column) const;  // column counts from 0
    double real(int column) const;
    std::string text(int column) const;
    bool is_null(int column) const;

private:
    friend class Database;
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
    sqlite3_stmt* statement_ = nullptr;
};

/// One step of a schema, applied once, in order; its SQL may hold several statements.
struct Migration {
    int version;  // 1, 2, 3 … within its room
    std::string_view sql;
};

/// An SQLite file opened as everything durable is: journal_mode=WAL, synchronous=FULL,
/// foreign_keys=ON, trusted_schema=OFF, busy_timeout. Used by one thread at a time.
class Database {
public:
    struct Settings {
        bool read_only = false;
        int busy_timeout_ms = 5000;
        bool in_memory = false;  ///< for tests
    };

    static Result<Database> open(const std::string& path, const Settings& settings);
    Database(Database&& other) noexcept;
    Database& operator=(Database&& other) noexcept;
    ~Database();

    Result<void> exec(std::string_view sql);
    Result<Statement> prepare(std::string_view sql);
    /// Runs `body` in BEGIN IMMEDIATE … COMMIT; rolls back when it fails.
    Result<void> transaction(const std::function<Result<void>()>& body);
    /// Brings `room`'s tables to the newest version in one transaction. A file written by a newer
    /// program is refused by name and left untouched.
    Result<void> migrate(std::string_view room, std::span<const Migration> migrations);
    Result<std::string> integrity_check();  // "ok" when fine
    std::int64_t last_insert_id() const;
    std::int64_t changes() const;
    /// May be called from another thread to cut a running statement short.
    void interrupt();

private:
    explicit Database(sqlite3* handle) : handle_(handle) {}
    Error last_error(std::string_view doing) const;
    sqlite3* handle_ = nullptr;
};

}  // namespace vedette
