package flags

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/feed"
	"tapedeck/feed/clickhouse"
	"tapedeck/market"
)

// ClickHouse are the flags that say where the archive is and how one connects to it. Archive reads them.
func ClickHouse() []cli.Flag {
	const category = "ClickHouse"
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "clickhouse", Category: category, Usage: "a `HOST:PORT` of the server's native protocol, or several of its replicas: the first that answers is used"},
		&cli.StringFlag{Name: "clickhouse-database", Category: category, Value: "tapedeck", Usage: "the `DATABASE` that the archive's tables are in"},
		&cli.StringFlag{Name: "clickhouse-user", Category: category, Value: "default", Usage: "log in as this `USER`"},
		&cli.StringFlag{Name: "clickhouse-password", Category: category, Usage: "with this `PASSWORD`; on a command line others can see it: prefer the variable or the file"},
		&cli.StringFlag{Name: "clickhouse-password-file", Category: category, Usage: "with the password in this `FILE`"},
		&cli.BoolFlag{Name: "clickhouse-tls", Category: category, Usage: "connect with TLS"},
		&cli.StringFlag{Name: "clickhouse-ca", Category: category, Usage: "PEM `FILE` with the authorities to believe; the system's unless given"},
		&cli.StringFlag{Name: "clickhouse-cert", Category: category, Usage: "PEM `FILE` with our certificate, where the server asks for one"},
		&cli.StringFlag{Name: "clickhouse-key", Category: category, Usage: "PEM `FILE` with its key"},
		&cli.StringFlag{Name: "clickhouse-server-name", Category: category, Usage: "the `NAME` on the server's certificate, where it is not the one that is dialled"},
		&cli.BoolFlag{Name: "clickhouse-insecure", Category: category, Usage: "believe any certificate: for trials only"},
		&cli.DurationFlag{Name: "clickhouse-timeout", Category: category, Value: 30 * time.Second, Usage: "give up a query, or a connection, that takes longer than this `TIME`"},
	}
}

// Archive returns what the flags of ClickHouse say.
func Archive(c *cli.Context) (clickhouse.Config, error) {
	k := clickhouse.Config{
		Addrs:    List(c, "clickhouse"),
		Database: c.String("clickhouse-database"),
		User:     c.String("clickhouse-user"),
		Password: c.String("clickhouse-password"),
		TLS: clickhouse.TLS{
			On: c.Bool("clickhouse-tls"), CAFile: c.String("clickhouse-ca"), CertFile: c.String("clickhouse-cert"), KeyFile: c.String("clickhouse-key"),
			ServerName: c.String("clickhouse-server-name"), Insecure: c.Bool("clickhouse-insecure"),
		},
		Timeout: c.Duration("clickhouse-timeout"),
	}
	if len(k.Addrs) == 0 {
		return k, Missing("clickhouse", "a ClickHouse server")
	}
	for i, a := range k.Addrs {
		if !strings.Contains(a, ":") {
			port := "9000"
			if k.TLS.On {
				port = "9440"
			}
			k.Addrs[i] = net.JoinHostPort(a, port)
			continue
		}
		_, port, err := net.SplitHostPort(a)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 {
			return k, BadFlag("--clickhouse: %q is not HOST:PORT", a)
		}
	}
	if name := c.String("clickhouse-password-file"); name != "" {
		if k.Password != "" {
			return k, BadFlag("--clickhouse-password and --clickhouse-password-file are both given: leave one out")
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return k, BadConfig("--clickhouse-password-file: %w", err)
		}
		if k.Password = strings.TrimRight(string(text), "\r\n"); k.Password == "" {
			return k, BadConfig("--clickhouse-password-file: %s is empty", name)
		}
	}
	if k.Timeout < time.Second {
		return k, BadFlag("--clickhouse-timeout is %v: at least 1s is needed", k.Timeout)
	}
	if err := k.TLS.Check(); err != nil {
		return k, wrong(err)
	}
	return k, nil
}

// OpenArchive opens the archive that the flags name. Nothing is dialled yet.
func OpenArchive(c *cli.Context) (*clickhouse.DB, error) {
	k, err := Archive(c)
	if err != nil {
		return nil, err
	}
	db, err := clickhouse.Open(k)
	if err != nil {
		return nil, BadFlag("%w", err)
	}
	return db, nil
}

// CheckArchive says whether an archive can be read. What stays as it is until somebody changes something is an error of the
// settings; a server that does not answer within 5 s is an ErrAway.
func CheckArchive(ctx context.Context, db *clickhouse.DB) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := db.Check(ctx)
	return settled(err)
}

// settled makes an error that stays until somebody changes something one of the settings.
func settled(err error) error {
	for _, kind := range []error{clickhouse.ErrSchema, clickhouse.ErrDenied, clickhouse.ErrQuery} {
		if errors.Is(err, kind) {
			return BadConfig("%w", err)
		}
	}
	return err
}

// Queries are the flags that replay tables of somebody else's. OpenTables reads them.
func Queries() []cli.Flag {
	const category = "Queries"
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "query", Category: category, Usage: "instead of the archive, replay the rows of this `SELECT`, whose columns are named as docs/archive.md says. Its rows of one time are one record, of 1 MiB at most: some 8,000 trades"},
		&cli.StringSliceFlag{Name: "query-kind", Category: category, DefaultText: "trades", Usage: "its rows are `KIND`: trades, quotes or books; of several queries, in their order"},
		&cli.StringFlag{Name: "query-venue", Category: category, Value: "TABLE", Usage: "the `VENUE` in the names of its rooms, where it has no column venue"},
	}
}

// askedQueries returns the queries that the flags of Queries name.
func askedQueries(c *cli.Context) (list []clickhouse.Query, err error) {
	texts, kinds := c.StringSlice("query"), List(c, "query-kind")
	if len(kinds) == 0 && len(texts) == 1 {
		kinds = []string{"trades"}
	}
	if len(texts) != len(kinds) {
		return nil, BadFlag("--query is given %d times and --query-kind %d times: each query has its kind", len(texts), len(kinds))
	}
	venue := c.String("query-venue")
	if _, _, ok := market.ParseRoom("trades:" + venue + ":X"); !ok {
		return nil, BadFlag("--query-venue: %q cannot be a venue in the name of a room", venue)
	}
	for i, text := range texts {
		list = append(list, clickhouse.Query{SQL: text, Kind: kinds[i], Venue: venue})
	}
	return list, nil
}

// OpenTables opens what the flags of ClickHouse and of Queries name: the archive, or what queries give, with the
// queries. A server that does not answer is an ErrAway beside the archive, which may be kept.
func OpenTables(c *cli.Context) (arch feed.Archive, queries []clickhouse.Query, end func(), err error) {
	if queries, err = askedQueries(c); err != nil {
		return nil, nil, nil, err
	}
	db, err := OpenArchive(c)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(queries) == 0 {
		arch, err = db, CheckArchive(c.Context, db)
	} else {
		arch, err = openQueries(c.Context, db, queries)
	}
	if err != nil && !errors.Is(err, clickhouse.ErrAway) {
		db.Close()
		return nil, nil, nil, err
	}
	return arch, queries, func() { db.Close() }, err
}

// openQueries prepares queries, and checks them unless the server does not answer: that is an ErrAway beside what was prepared.
func openQueries(ctx context.Context, db *clickhouse.DB, queries []clickhouse.Query) (*clickhouse.Table, error) {
	t, err := clickhouse.Tables(db, queries...)
	if err != nil {
		return nil, BadFlag("--query: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return t, settled(t.Check(ctx))
}

// CheckDay says what is wrong with the value of --day.
func CheckDay(day string) error {
	if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
		return BadFlag("--day: %q is not a day such as 2026-01-31", day)
	}
	return nil
}
