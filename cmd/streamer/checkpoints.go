package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"golang.org/x/sys/unix"

	"tapedeck/cmd/flags"
	"tapedeck/feed/checkpoint"
	"tapedeck/feed/clickhouse"
	"tapedeck/feed/kafka"
)

// checkpointFlags say where logs' checkpoints are kept.
func checkpointFlags() []cli.Flag {
	const category = "Start and end"
	return []cli.Flag{
		&cli.StringFlag{Name: "checkpoints", Category: category, Usage: "begin logs at their newest checkpoints in `WHERE`, and keep them there: folder:PATH, kafka:TOPIC, which is compacted, or clickhouse, where replay record keeps them; nodes of the same settings may share it"},
		&cli.DurationFlag{Name: "checkpoint-every", Category: category, Value: time.Minute, DefaultText: "1m; with clickhouse 0s", Usage: "write one of each log after this `TIME`, and at the end; 0s: write none"},
	}
}

// openCheckpoints opens where checkpoints are kept, if there is such a place. What is returned is called when the server has ended.
func openCheckpoints(c *cli.Context, s *settings) (end func(), err error) {
	where := c.String("checkpoints")
	every := c.Duration("checkpoint-every")
	if where == "" {
		if c.IsSet("checkpoint-every") {
			return nil, flags.BadFlag("--checkpoint-every: say where with --checkpoints, as in folder:/var/lib/tapedeck")
		}
		return func() {}, nil
	}
	if every < 0 || every > 0 && every < time.Second {
		return nil, flags.BadFlag("--checkpoint-every is %v: 0, or at least 1s", every)
	}
	s.server.CheckpointEvery = every
	part := flags.List(c, "only")
	slices.Sort(part)
	s.server.Part = strings.Join(slices.Compact(part), " ")
	kind, name, _ := strings.Cut(where, ":")
	switch {
	case kind == "folder" && name != "":
		s.server.Checkpoints = checkpoint.Folder{Dir: name}
		return func() {}, nil
	case kind == "kafka" && topicName.MatchString(name) && s.server.Feeds[name].Format == nil:
		k, err := kafka.NewCheckpoints(s.kafka.Cluster, name, s.server.WithDefaults().Node)
		if err != nil {
			return nil, flags.BadFlag("--checkpoints: %w", err)
		}
		s.server.Checkpoints = k
		return func() { k.Close() }, nil
	case where == "clickhouse":
		if !c.IsSet("checkpoint-every") { // replay record writes them; of all that many nodes write nothing is let go of
			s.server.CheckpointEvery = 0
		}
		db, err := flags.OpenArchive(c)
		if err != nil {
			return nil, err
		}
		s.server.Checkpoints = db
		return func() { db.Close() }, nil
	}
	return nil, flags.BadFlag("--checkpoints is %q: folder:PATH, kafka:TOPIC with a topic that is not read, or clickhouse", where)
}

// inspectCheckpoints looks at the place of the checkpoints, which was opened, for check-config. Its error is that Kafka could not
// be looked at.
func inspectCheckpoints(ctx context.Context, s *settings) (kafka.Finding, error) {
	const subject = "checkpoints"
	switch place := s.server.Checkpoints.(type) {
	case checkpoint.Folder:
		if fault := unfit(place.Dir); fault != "" {
			return kafka.Finding{Level: kafka.Fault, Topic: subject, Text: fault}, nil
		}
		return kafka.Finding{Topic: subject, Text: "they may be written to " + place.Dir}, nil
	case *clickhouse.DB:
		return inspectTables(ctx, place, subject), nil
	case *kafka.Checkpoints:
		return kafka.InspectCheckpoints(ctx, s.kafka.Cluster, place.Topic())
	}
	return kafka.Finding{}, fmt.Errorf("checkpoints in a %T", s.server.Checkpoints)
}

// inspectTables looks at the archive's tables, which are there for a subject.
func inspectTables(ctx context.Context, db *clickhouse.DB, subject string) kafka.Finding {
	if err := db.Check(ctx); err != nil {
		return kafka.Finding{Level: kafka.Fault, Topic: subject, Text: err.Error()}
	}
	return kafka.Finding{Topic: subject, Text: "the tables of " + db.Database() + " are as they must be"}
}

// unfit says why nothing can be written to a folder, which may be made when it is first needed; "" if it can.
func unfit(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
			continue
		case err != nil:
			return err.Error()
		case !info.IsDir():
			return at + " is no folder"
		case unix.Access(at, unix.W_OK) != nil:
			return "we may not write to " + at + ": give it to the user that serves"
		}
		return ""
	}
}
