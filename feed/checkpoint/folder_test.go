package checkpoint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/checkpoint"
)

var log = feed.LogID{Cluster: "c", Topic: "../md raw", TopicID: "1", Partition: 2, Format: "made"}

func sealed(epoch string, offset int64) feed.Checkpoint {
	h := header
	h.Epoch, h.Offset = epoch, offset
	return feed.Checkpoint{Epoch: epoch, Offset: offset, Clock: h.Clock, Data: checkpoint.Seal(h, [][]byte{fmt.Append(nil, offset)})}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f := checkpoint.Folder{Dir: filepath.Join(dir, "made by the first")}
	if _, ok, err := f.Checkpoint(t.Context(), log, 1<<60); ok || err != nil {
		t.Fatal("an empty folder has one", err)
	}
	var nodes sync.WaitGroup
	for range 4 { // several nodes at the same time
		nodes.Go(func() {
			for offset := int64(10); offset <= 100; offset += 10 {
				if err := f.Keep(t.Context(), log, sealed("e", offset)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	nodes.Wait()
	if err := f.Keep(t.Context(), log, sealed("other", 50)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ at, want int64 }{{1 << 60, 100}, {100, 100}, {99, 90}, {89, 80}, {79, 50}, {49, -1}} {
		got, ok, err := f.Checkpoint(t.Context(), log, c.at)
		if err != nil || ok != (c.want >= 0) || ok && (got.Offset != c.want || got.Clock != header.Clock) {
			t.Errorf("at %d: %d %v %v, want %d", c.at, got.Offset, ok, err, c.want)
		}
	}
	other := log
	other.Partition++
	if _, ok, _ := f.Checkpoint(t.Context(), other, 1<<60); ok {
		t.Error("another log has the same checkpoints")
	}
	found := 0
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if !e.IsDir() {
			found++
		}
		return err
	})
	if err != nil || found != 4 {
		t.Errorf("%d files are left, want 3 and the other epoch's: %v", found, err)
	}
}
