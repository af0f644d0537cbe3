#include "base/sqlite.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

#include "base/files.h"
#include "tests/support/temp_folder.h"

using namespace vedette;

namespace {

Database open(const std::string& path, Database::Settings settings = {}) {
    auto database = Database::open(path, settings);
    if (!database) FAIL(database.error().message);
    return std::move(*database);
}

Database in_memory() {
    return open("", {.in_memory = true});
}

std::string text_of(Database& database, std::string_view sql) {
    auto statement = database.prepare(sql);
    if (!statement) return statement.error().message;
    const auto row = statement->step();
    if (!row) return row.error().message;
    return *row ? statement->text(0) : "no row";
}

constexpr Migration first_migrations[] = {
    {1, "CREATE TABLE alerts (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE more (x TEXT) STRICT"}};
constexpr Migration second_migrations[] = {
    first_migrations[0], {2, "ALTER TABLE alerts ADD COLUMN state TEXT NOT NULL DEFAULT ''"}};
constexpr Migration broken_migrations[] = {
    first_migrations[0], {2, "ALTER TABLE alerts ADD COLUMN state TEXT; CREATE nonsense"}};

}  // namespace

TEST_CASE("a database is opened as durable things are", "[base][sqlite]") {
    const TempFolder folder;
    Database database = open(folder / "alerts.db");
    struct Row {
        const char* pragma;
        const char* value;
    };
    const auto row = GENERATE(values<Row>({{"journal_mode", "wal"},
                                           {"synchronous", "2"},  // FULL
                                           {"foreign_keys", "1"},
                                           {"trusted_schema", "0"},
                                           {"busy_timeout", "5000"}}));
    CAPTURE(row.pragma);
    CHECK(text_of(database, std::string("PRAGMA ") + row.pragma) == row.value);
}

TEST_CASE("a database and its log are for their owner only", "[base][sqlite]") {
    const TempFolder folder;
    Database database = open(folder / "alerts.db");
    REQUIRE(database.exec("CREATE TABLE t (x TEXT) STRICT"));
    for (const char* name : {"alerts.db", "alerts.db-wal", "alerts.db-shm"}) {
        CAPTURE(name);
        struct stat status{};
        REQUIRE(::stat((folder / name).c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0600);
    }
}

TEST_CASE("what is bound is read back the same", "[base][sqlite]") {
    Database database = in_memory();
    REQUIRE(database.exec("CREATE TABLE t (i INTEGER, r REAL, s TEXT) STRICT"));
    auto insert = database.prepare("INSERT INTO t VALUES (?, ?, ?)");
    auto select = database.prepare("SELECT i, r, s FROM t ORDER BY rowid");
    REQUIRE(insert);
    REQUIRE(select);
    const std::string odd("a\0b'\xf0\x9f\x90\xa6", 8);
    const auto big = std::numeric_limits<std::int64_t>::min();
    REQUIRE(insert->bind(1, big).bind(2, 0.1).bind(3, odd).run());
    REQUIRE(insert->bind(1, 7U).bind(2, std::nan("")).bind(3, std::string_view()).run());
    REQUIRE(insert->bind_null(1).bind(2, INFINITY).bind_null(3).run());
    CHECK(database.last_insert_id() == 3);
    CHECK(database.changes() == 1);

    REQUIRE(*select->step());
    CHECK(select->integer(0) == big);
    CHECK(select->real(1) == 0.1);
    CHECK(select->text(2) == odd);
    REQUIRE(*select->step());
    CHECK(select->integer(0) == 7);
    CHECK(std::isnan(select->real(1)));
    CHECK_FALSE(select->is_null(2));
    CHECK(select->text(2).empty());
    REQUIRE(*select->step());
    CHECK(select->is_null(0));
    CHECK(std::isinf(select->real(1)));
    CHECK(select->is_null(2));
    CHECK_FALSE(*select->step());
}

TEST_CASE("a failure names the file, the statement and the reason", "[base][sqlite]") {
    Database database = in_memory();
    REQUIRE(database.exec("CREATE TABLE t (x INTEGER UNIQUE) STRICT; INSERT INTO t VALUES (1)"));
    const std::string place = "the database in memory: cannot ";
    CHECK(database.exec("INSERT INTO t\n   VALUES (1)").error() ==
          Error{Fault::BadInput,
                place + "run `INSERT INTO t VALUES (1)`: UNIQUE constraint failed: t.x"});
    CHECK(database.prepare("SELEC 1").error() ==
          Error{Fault::Internal, place + "prepare `SELEC 1`: near \"SELEC\": syntax error"});
    auto insert = database.prepare("INSERT INTO t VALUES (?)");
    CHECK(insert->bind(1, "secret text").run().error() ==
          Error{Fault::BadInput, place +
                                     "run `INSERT INTO t VALUES (?)`: cannot store TEXT value in "
                                     "INTEGER column t.x"});
    CHECK(insert->bind(1, 2).run());  // fit for use again
}

TEST_CASE("what is no database is refused", "[base][sqlite]") {
    const TempFolder folder;
    std::ofstream(folder / "alerts.db") << std::string(5000, 'x');
    const auto opened = Database::open(folder / "alerts.db", {});
    REQUIRE_FALSE(opened);
    CHECK(opened.error() ==
          Error{Fault::Corrupt, folder / "alerts.db" + ": cannot open it: file is not a database"});
    const auto missing = Database::open(folder / "no/alerts.db", {});
    REQUIRE_FALSE(missing);
    CHECK(missing.error() ==
          Error{Fault::Refused,
                folder / "no/alerts.db" + ": cannot open it: unable to open database file"});
}

TEST_CASE("a transaction is all or nothing", "[base][sqlite]") {
    Database database = in_memory();
    REQUIRE(database.exec("CREATE TABLE t (x INTEGER) STRICT"));
    const auto failed = database.transaction([&]() -> Result<void> {
        if (auto done = database.exec("INSERT INTO t VALUES (1)"); !done) return done;
        return fail(Fault::Cancelled, "changed my mind");
    });
    CHECK(failed.error() == Error{Fault::Cancelled, "changed my mind"});
    CHECK(text_of(database, "SELECT count(*) FROM t") == "0");
    CHECK(database.transaction([&] { return database.exec("INSERT INTO t VALUES (1)"); }));
    CHECK(text_of(database, "SELECT count(*) FROM t") == "1");
}

TEST_CASE("a database that another connection writes to is busy", "[base][sqlite]") {
    const TempFolder folder;
    Database one = open(folder / "alerts.db");
    Database two = open(folder / "alerts.db", {.busy_timeout_ms = 0});
    REQUIRE(one.exec("BEGIN IMMEDIATE"));
    CHECK(two.transaction([]() -> Result<void> { return {}; }).error() ==
          Error{Fault::Unavailable,
                folder / "alerts.db" + ": cannot run `BEGIN IMMEDIATE`: database is locked"});
    REQUIRE(one.exec("COMMIT"));
    CHECK(two.transaction([]() -> Result<void> { return {}; }));
}

TEST_CASE("a database opened to be read is not written to", "[base][sqlite]") {
    const TempFolder folder;
    {
        REQUIRE(open(folder / "alerts.db").exec("CREATE TABLE t (x TEXT) STRICT"));
    }
    Database database = open(folder / "alerts.db", {.read_only = true});
    CHECK(text_of(database, "SELECT count(*) FROM t") == "0");
    CHECK(database.exec("DELETE FROM t").error() ==
          Error{Fault::Refused, folder / "alerts.db" +
                                    ": cannot run `DELETE FROM t`: attempt to write a readonly "
                                    "database"});
}

TEST_CASE("each room's tables come to their newest version once", "[base][sqlite]") {
    Database database = in_memory();
    REQUIRE(database.migrate("notify", first_migrations));
    REQUIRE(database.exec("INSERT INTO alerts (id) VALUES (1)"));
    REQUIRE(database.migrate("notify", second_migrations));
    REQUIRE(database.migrate("notify", second_migrations));
    CHECK(text_of(database, "SELECT id || state FROM alerts") == "1");
    CHECK(text_of(database, "SELECT version FROM schema_versions WHERE room = 'notify'") == "2");

    const Migration rules[] = {{1, "CREATE TABLE states (x TEXT) STRICT"}};
    REQUIRE(database.migrate("rules", rules));
    CHECK(text_of(database, "SELECT group_concat(room || version) FROM schema_versions") ==
          "notify2,rules1");
}

TEST_CASE("a migration that fails leaves the tables as they were", "[base][sqlite]") {
    Database database = in_memory();
    REQUIRE(database.migrate("notify", first_migrations));
    CHECK(database.migrate("notify", broken_migrations).error() ==
          Error{Fault::Internal,
                "the database in memory: cannot run `ALTER TABLE alerts ADD COLUMN "
                "state TEXT; CREATE nonsense`: near \"nonsense\": syntax error"});
    CHECK(text_of(database, "SELECT count(*) FROM pragma_table_info('alerts')") == "1");
    CHECK(text_of(database, "SELECT version FROM schema_versions") == "1");
}

TEST_CASE("a file of a newer program is refused by name and not touched", "[base][sqlite]") {
    const TempFolder folder;
    const auto files = make_files();
    {
        REQUIRE(open(folder / "alerts.db").migrate("notify", second_migrations));
    }
    const auto before = files->read_all(folder / "alerts.db", 1 << 20);
    {
        Database older = open(folder / "alerts.db");
        CHECK(older.migrate("notify", first_migrations).error() ==
              Error{Fault::Refused,
                    folder / "alerts.db" +
                        ": its notify tables have version 2, of a newer vedette; this one knows "
                        "versions up to 1"});
    }
    CHECK(files->read_all(folder / "alerts.db", 1 << 20) == *before);
}

TEST_CASE("a running statement is cut short from another thread", "[base][sqlite]") {
    Database database = in_memory();
    auto endless = database.prepare(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n");
    REQUIRE(endless);
    std::jthread other([&](std::stop_token stop) {
        while (!stop.stop_requested()) {  // again and again: it may not have begun yet
            database.interrupt();
            std::this_thread::yield();
        }
    });
    const auto row = endless->step();
    REQUIRE_FALSE(row);
    CHECK(row.error().fault == Fault::Cancelled);
}

TEST_CASE("kill -9 between inserts loses nothing committed and breaks nothing", "[base][sqlite]") {
    const TempFolder folder;
    {
        REQUIRE(open(folder / "alerts.db").exec("CREATE TABLE t (x INTEGER) STRICT"));
    }
    int before = 0;
    for (int round = 0; round < 5; ++round) {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            auto database = Database::open(folder / "alerts.db", {});
            while (database && database->exec("INSERT INTO t VALUES (1)"))
                if (::write(ends[1], "x", 1) != 1) break;
            ::_exit(1);
        }
        ::close(ends[1]);
        char byte = 0;
        int committed = 0;
        for (; committed < 10 + 7 * round; ++committed) REQUIRE(::read(ends[0], &byte, 1) == 1);
        REQUIRE(::kill(child, SIGKILL) == 0);
        while (::read(ends[0], &byte, 1) == 1) ++committed;  // said before it died
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        ::close(ends[0]);

        Database database = open(folder / "alerts.db");
        CHECK(database.integrity_check() == "ok");
        const int rows = std::stoi(text_of(database, "SELECT count(*) FROM t"));
        CHECK(rows >= before + committed);
        CHECK(rows <= before + committed + 1);  // one may be committed and not yet said
        before = rows;
    }
}
