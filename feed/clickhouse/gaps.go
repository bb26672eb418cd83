package clickhouse

import (
	"context"
	"fmt"

	"tapedeck/feed"
)

// Gap is a stretch of a log's offsets of which no record is held.
type Gap struct {
	feed.Hole       // Why is "" where nothing is known of it
	After     int64 // the log's clock at the record before it, µs; 0: not known
}

// The sizes of a search for gaps: the offsets that are counted by one query, and those of a block of them, in which each offset is
// looked at if one is missing.
const (
	gapOffsets = 1 << 20
	gapBlock   = 1 << 12
)

// Gaps tells every gap of a log from an offset up to another, in order. A gap of which parts are known holes is told in parts.
func (db *DB) Gaps(ctx context.Context, log feed.LogID, from, to int64, told func(Gap)) error {
	known, err := db.Holes(ctx, log, from, to)
	if err != nil {
		return err
	}
	s := &search{reading: reading{db: db, log: Number(log), w: feed.Window{To: to}}, next: from, known: known, told: told}
	for at := from; at < to; {
		end := min(at+gapOffsets, to)
		held, err := s.count(ctx, at, end)
		if err != nil {
			return err
		}
		at = end
		if held == 0 { // a hole that is wide, or the end
			if at, err = s.beyond(ctx, end, end); err != nil {
				return err
			}
			if at == end && end < to {
				if _, found, err := s.extent(ctx, end, end+1); err != nil {
					return err
				} else if !found {
					at = to
				}
			}
		}
	}
	s.held(to, to)
	return nil
}

// search is one call of Gaps.
type search struct {
	reading
	next  int64 // all before it was seen
	clock int64 // at the record before next, where it was looked at; else 0
	known []feed.Hole
	told  func(Gap)
}

// count looks at a range: at blocks in which nothing is missing only from afar.
func (s *search) count(ctx context.Context, from, to int64) (held uint64, err error) {
	counts := map[int64]uint64{}
	query := fmt.Sprintf("SELECT intDiv(offset, %d) AS block, uniqExact(offset) FROM %s WHERE %s GROUP BY block", gapBlock, s.db.Table("records"), within(s.log, from, to, false))
	err = s.db.each(ctx, query, func(scan func(...any) error) error {
		var block int64
		var n uint64
		err := scan(&block, &n)
		counts[block] = n
		held += n
		return err
	})
	if err != nil {
		return 0, err
	}
	begin := from // of a stretch of blocks that are not whole
	for at := from; at < to; {
		block := at / gapBlock
		end := min((block+1)*gapBlock, to)
		if counts[block] == uint64(end-at) {
			if err := s.look(ctx, begin, at); err != nil {
				return 0, err
			}
			s.held(at, end)
			s.clock, begin = 0, end
		}
		at = end
	}
	return held, s.look(ctx, begin, to)
}

// look reads the offsets of a stretch, and of the record before it for its clock.
func (s *search) look(ctx context.Context, from, to int64) error {
	if from == to {
		return nil
	}
	query := fmt.Sprintf("SELECT offset, clock FROM %s WHERE %s ORDER BY offset", s.db.Table("records"), within(s.log, max(from-1, 0), to, false))
	return s.db.each(ctx, query, func(scan func(...any) error) error {
		var offset, clock int64
		if err := scan(&offset, &clock); err != nil {
			return err
		}
		if offset >= s.next {
			s.held(offset, offset+1)
		}
		s.clock = clock
		return nil
	})
}

// held notes that all records of a stretch are there; what is missing before it is told, by the holes that are known of it.
func (s *search) held(from, to int64) {
	for at := s.next; at < from; {
		for len(s.known) > 0 && s.known[0].To <= at {
			s.known = s.known[1:]
		}
		g := Gap{feed.Hole{From: at, To: from}, s.clock}
		if len(s.known) > 0 && s.known[0].From < from {
			if k := s.known[0]; k.From > at {
				g.To = k.From
			} else {
				g.To, g.Why = min(k.To, from), k.Why
			}
		}
		s.told(g)
		at = g.To
	}
	s.next = max(s.next, to)
}

// Bounds returns, of a log, the offsets from the first of a day's up to the first of the next day's that is held: what lies
// between two days is of the first. ok is false where nothing of that day is held.
func (db *DB) Bounds(ctx context.Context, log feed.LogID, day string) (from, to int64, ok bool, err error) {
	query := fmt.Sprintf("SELECT minMergeIf(first, day = toDate(%s)), minMergeIf(first, day > toDate(%[1]s)), maxMerge(last), countIf(day = toDate(%[1]s)), countIf(day > toDate(%[1]s)) FROM %s WHERE log = %d",
		quote(day), db.Table("days"), Number(log))
	err = db.each(ctx, query, func(scan func(...any) error) error {
		var next, last int64
		var held, after uint64
		err := scan(&from, &next, &last, &held, &after)
		if to, ok = next, held > 0; after == 0 {
			to = last + 1
		}
		return err
	})
	return from, to, ok, err
}
