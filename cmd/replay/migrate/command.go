// Package migrate is `replay migrate`: it makes the archive's tables and brings them up to date.
package migrate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/feed/clickhouse"
)

const description = `It may be run at any time: what is made already is left as it is. In the end it compares the tables with what they must be and
names the first column that differs. --dry-run prints the statements for the server's version and runs none.

On a cluster it makes on each server what that does not have yet: run it again when a server was added. The servers' own settings must
have the cluster (remote_servers), a ZooKeeper or Keeper, distributed_ddl, and the macros shard and replica.`

// Command is `replay migrate`.
func Command() *cli.Command {
	return &cli.Command{
		Name:        "migrate",
		Usage:       "make the archive's tables in ClickHouse, or bring them up to date",
		Description: description,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "cluster", Usage: "make them ON CLUSTER `NAME`, with a replica on each of its servers"},
			&cli.DurationFlag{Name: "ttl", Usage: "let the server remove what is older than this `TIME`, in whole days, as in 720h; for ever, or as it was set before, unless given"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the statements, run none"},
		}, flags.ClickHouse(), []cli.Flag{flags.Config()}),
		Action: run,
	}
}

func run(c *cli.Context) error {
	if err := flags.NoArguments(c); err != nil {
		return err
	}
	const day = 24 * time.Hour
	ttl := c.Duration("ttl")
	if ttl < 0 || ttl%day != 0 {
		return flags.BadFlag("--ttl: %s is not a number of whole days, as in 720h", flags.Short(ttl))
	}
	plan := clickhouse.Plan{Cluster: c.String("cluster"), Days: int(ttl / day)}
	db, err := flags.OpenArchive(c)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.Bool("dry-run") {
		return dryRun(c, db, plan)
	}
	done := 0
	err = db.Migrate(c.Context, plan, func(s clickhouse.Step) {
		done++
		first, _, _ := strings.Cut(s.SQL, "\n")
		fmt.Fprintln(c.App.ErrWriter, strings.TrimSuffix(first, " ("))
	})
	if errors.Is(err, clickhouse.ErrSchema) || errors.Is(err, clickhouse.ErrDenied) || errors.Is(err, clickhouse.ErrCluster) {
		return flags.BadConfig("%w", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s is as it must be: %d statements were run\n", db.Database(), done)
	return nil
}

func dryRun(c *cli.Context, db *clickhouse.DB, plan clickhouse.Plan) error {
	version, err := db.Version(c.Context)
	if err != nil {
		return err
	}
	steps, err := plan.Steps(version, db.Database())
	if err != nil {
		return err
	}
	for _, s := range steps {
		fmt.Fprintf(c.App.Writer, "%s;\n\n", s.SQL)
	}
	return nil
}
