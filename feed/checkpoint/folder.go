package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tapedeck/feed"
)

// Folder keeps checkpoints as files, the newest few of each log: one folder a log, in which a file is named by its offset and
// epoch. A file is there whole or not at all, so several nodes may share a folder.
type Folder struct {
	Dir  string
	Last int // how many are kept of each log and epoch; 0: 3
}

// ending is of files that are whole.
const ending = ".checkpoint"

func (f Folder) of(l feed.LogID) string {
	name := func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}
	whose := feed.Epoch(l.Cluster, l.Topic, l.TopicID, l.Partition, &feed.Format{Name: l.Format})
	return filepath.Join(f.Dir, strings.Map(name, fmt.Sprintf("%.80s-%d-%s-", l.Topic, l.Partition, l.Format))+whose)
}

// file is a checkpoint's file.
type file struct {
	path   string
	epoch  string
	offset int64
}

// files lists a log's checkpoints, newest first.
func files(dir string) (list []file, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		name, whole := strings.CutSuffix(e.Name(), ending)
		number, epoch, named := strings.Cut(name, "-")
		offset, bad := strconv.ParseInt(number, 10, 64)
		if whole && named && bad == nil {
			list = append(list, file{filepath.Join(dir, e.Name()), epoch, offset})
		}
	}
	slices.SortFunc(list, func(a, b file) int { return cmp.Or(cmp.Compare(b.offset, a.offset), cmp.Compare(a.path, b.path)) })
	return list, err
}

// Checkpoint implements feed.Checkpoints.
func (f Folder) Checkpoint(_ context.Context, log feed.LogID, offset int64) (c feed.Checkpoint, ok bool, err error) {
	list, err := files(f.of(log))
	for _, one := range list {
		if one.offset > offset {
			continue
		}
		data, err := os.ReadFile(one.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another node has let it go meanwhile
		}
		c = feed.Checkpoint{Epoch: one.epoch, Offset: one.offset, Data: data}
		if h, bad := Peek(data); bad == nil {
			c.Clock = h.Clock
		}
		return c, err == nil, err
	}
	return c, false, err
}

// Keep implements feed.Checkpoints.
func (f Folder) Keep(_ context.Context, log feed.LogID, c feed.Checkpoint) error {
	dir := f.of(log)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := write(filepath.Join(dir, fmt.Sprintf("%020d-%s%s", c.Offset, c.Epoch, ending)), c.Data); err != nil {
		return err
	}
	return f.prune(dir, c.Epoch)
}

// prune lets go of what is too old.
func (f Folder) prune(dir, epoch string) error {
	list, err := files(dir)
	left := cmp.Or(f.Last, 3)
	for _, one := range list {
		if one.epoch != epoch {
			continue
		}
		if left--; left < 0 {
			if gone := os.Remove(one.path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}
	begun, _ := filepath.Glob(filepath.Join(dir, ".new-*"))
	for _, name := range begun { // by a node that was killed
		if at, gone := os.Stat(name); gone == nil && time.Since(at.ModTime()) > time.Hour {
			os.Remove(name)
		}
	}
	return err
}

// write puts a file in its place when all of it is on the disk.
func write(path string, data []byte) error {
	to, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = to.Write(data)
	err = cmp.Or(err, to.Chmod(0o644), to.Sync())
	err = cmp.Or(err, to.Close())
	if err == nil {
		err = os.Rename(to.Name(), path)
	}
	if err != nil {
		os.Remove(to.Name())
	}
	return err
}
