// Package clickhouse keeps logs in ClickHouse and gives them back: an Archive for players, and the tables for whoever records.
//
// It works on servers from 18.16 on. Every query has a deadline and reads a bounded window; none is held open while somebody
// paces. Tables are named with their database, columns by name.
package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Config says where a ClickHouse is and how one connects to it, by its native protocol.
type Config struct {
	Addrs    []string // host:port of replicas of one server; the first that answers is used
	Database string   // of the archive's tables; "": tapedeck
	User     string   // "": default
	Password string
	TLS      TLS

	Timeout time.Duration // how long a query may take, and connecting; 0: 30 s
	Conns   int           // how many queries may run at once; 0: 8
}

// DB is a connection to an archive. It may be used from several goroutines.
type DB struct {
	conn     driver.Conn
	database string
	timeout  time.Duration
	checked  atomic.Bool // the tables were seen to be as they must
}

// names are what may name a database or a cluster without quotes.
var names = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// Open prepares a connection: nothing is dialled before the first query, so that a server that is down now may be up then.
func Open(c Config) (*DB, error) {
	if len(c.Addrs) == 0 {
		return nil, errors.New("no ClickHouse is named: give at least one as host:port")
	}
	database := cmp.Or(c.Database, "tapedeck")
	if !names.MatchString(database) {
		return nil, fmt.Errorf("%q cannot name a database: use letters, digits and _", database)
	}
	dial, err := c.dialer()
	if err != nil {
		return nil, err
	}
	timeout := cmp.Or(c.Timeout, 30*time.Second)
	conns := cmp.Or(c.Conns, 8)
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        c.Addrs,
		Auth:        clickhouse.Auth{Username: cmp.Or(c.User, "default"), Password: c.Password},
		DialContext: dial,
		DialTimeout: min(timeout, 10*time.Second), // also how long one waits for a free connection
		ReadTimeout: timeout,
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionLZ4},

		ConnOpenStrategy: clickhouse.ConnOpenInOrder,
		MaxOpenConns:     conns,
		MaxIdleConns:     conns,
	})
	if err != nil {
		return nil, err
	}
	return &DB{conn: conn, database: database, timeout: timeout}, nil
}

// Close ends the connections.
func (db *DB) Close() error { return db.conn.Close() }

// Conn is the connection itself, for whoever writes.
func (db *DB) Conn() driver.Conn { return db.conn }

// Database is the one that the tables are in.
func (db *DB) Database() string { return db.database }

// Table returns the whole name of one of the archive's tables: records, days, marks, holes, checkpoints, trades, candles_1m.
func (db *DB) Table(name string) string { return db.database + "." + name }

// within gives a query its deadline.
func (db *DB) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, db.timeout)
}

// exec runs a statement that returns nothing.
func (db *DB) exec(ctx context.Context, statement string) error {
	ctx, cancel := db.within(ctx)
	defer cancel()
	return explain(ctx, db.conn.Exec(ctx, statement))
}

// each runs a query and calls row for each of its rows. A query that failed midway has given some of them.
func (db *DB) each(ctx context.Context, query string, row func(scan func(...any) error) error) (err error) {
	ctx, cancel := db.within(ctx)
	defer cancel()
	rows, err := db.conn.Query(ctx, query)
	if err != nil {
		return explain(ctx, err)
	}
	defer func() {
		if err != nil {
			cancel() // else Close reads all that is left
		}
		rows.Close()
	}()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return explain(ctx, rows.Err())
}

// Version is a server's: 18.16 is {18, 16}.
type Version struct{ Major, Minor int }

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// Oldest is the oldest server that this package was tested with.
var Oldest = Version{18, 16}

// least reports whether v is that version or a later one.
func (v Version) least(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// Version asks the server for its version. It is a quick way to see whether one can connect.
func (db *DB) Version(ctx context.Context) (v Version, err error) {
	err = db.each(ctx, "SELECT version()", func(scan func(...any) error) error {
		var text string
		if err := scan(&text); err != nil {
			return err
		}
		if _, err := fmt.Sscanf(text, "%d.%d", &v.Major, &v.Minor); err != nil {
			return fmt.Errorf("the server says that its version is %q", text)
		}
		return nil
	})
	return v, err
}

// unknownTime is how the table of days says that no clock was known.
const unknownTime = math.MaxInt64
