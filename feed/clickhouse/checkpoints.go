package clickhouse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	"tapedeck/feed"
)

// Keep implements feed.Checkpoints. It may be called from anywhere. All are kept, until their day is dropped: they are what
// replays begin with. An answer that does not come leaves one there or not, and twice does no harm.
func (db *DB) Keep(ctx context.Context, log feed.LogID, c feed.Checkpoint) error {
	w := Writer{db: db, name: "tapedeck-checkpoint-" + strconv.FormatUint(rand.Uint64(), 36)} // a name of its own: no recorder waits for it
	var row columns
	row.add("log", []uint64{Number(log)})
	row.add("epoch", []string{c.Epoch})
	row.add("offset", []int64{c.Offset})
	row.add("clock", []int64{c.Clock})
	row.add("data", []string{text(c.Data)})
	if err := w.insert(ctx, "checkpoints", &row); err != nil {
		return fmt.Errorf("a checkpoint of %s/%d: %w", log.Topic, log.Partition, err)
	}
	return nil
}
