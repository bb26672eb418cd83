package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"tapedeck/wire/mirror"
)

// ledger is which trades were published, and where: what clients were told is held against it.
type ledger struct {
	mu     sync.Mutex
	making int                           // which making of its topics it is: another when they are deleted and made anew
	homes  map[string]map[string][]trade // by home (a partition of one making of a topic) and native symbol
}

// trade is one published trade.
type trade struct {
	seq uint64
	id  string
}

func newLedger() *ledger { return &ledger{homes: map[string]map[string][]trade{}} }

// keep takes down messages that were published.
func (l *ledger) keep(list []*message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range list {
		if m.trade == "" {
			continue
		}
		home := fmt.Sprint(m.topic, " ", l.making, " ", m.partition)
		if l.homes[home] == nil {
			l.homes[home] = map[string][]trade{}
		}
		l.homes[home][m.symbol] = append(l.homes[home][m.symbol], trade{m.seq(), m.trade})
	}
}

// tape is what one client was told in a trades room, in order, over all of its connections.
type tape struct{ said []said }

type said struct {
	kind    string
	epoch   string
	partial bool
	from    uint64
	to      uint64
	ids     []string
	n       *uint64 // of a gap
	reason  string
}

func (tp *tape) take(m *mirror.Message) {
	s := said{kind: m.T, epoch: m.Epoch, partial: m.Partial, from: m.Prev, to: m.Seq, n: m.N, reason: m.Reason}
	switch m.T {
	case "gap":
		s.from, s.to = m.From, m.To
	case "snapshot", "update":
		var list []struct{ ID string }
		if err := json.Unmarshal(m.D, &list); err != nil {
			panic(err) // the mirror has read it
		}
		for _, t := range list {
			s.ids = append(s.ids, t.ID)
		}
	default:
		return
	}
	if m.T == "update" && len(tp.said) > 0 {
		s.epoch = tp.said[len(tp.said)-1].epoch
	}
	tp.said = append(tp.said, s)
}

// gaps counts those of a reason, "" for any.
func (tp *tape) gaps(reason string) (n int) {
	for _, s := range tp.said {
		if s.kind == "gap" && (reason == "" || s.reason == reason) {
			n++
		}
	}
	return n
}

// trades counts what updates brought.
func (tp *tape) trades() (n int) {
	for _, s := range tp.said {
		if s.kind == "update" {
			n += len(s.ids)
		}
	}
	return n
}

// check holds a tape against the ledger: every trade of its symbol between the first and the last thing
// said was told, once and in its place, or a gap counted it. An epoch is one home's, whichever fits.
func (l *ledger) check(tp *tape, native string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := tp.said; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].epoch == rest[0].epoch {
			n++
		}
		var first error
		fits := false
		for home, symbols := range l.homes {
			err := checkEpoch(rest[:n], symbols[native])
			fits = fits || err == nil
			if err != nil && first == nil {
				first = fmt.Errorf("%s of %s: %w", native, home, err)
			}
		}
		if !fits && len(l.homes) > 0 {
			return first
		}
		rest = rest[n:]
	}
	return nil
}

func checkEpoch(list []said, log []trade) error {
	partial := false
	for i, s := range list {
		from, to := place(log, s.from), place(log, s.to)
		switch s.kind {
		case "snapshot":
			partial = s.partial
			if len(s.ids) > to || !equalIDs(s.ids, log[to-len(s.ids):to]) {
				return fmt.Errorf("message %d: a snapshot at %d has %v, the log %v", i, s.to, s.ids, tail(log[:to], len(s.ids)))
			}
			if !s.partial && len(s.ids) < min(to, snapshotTrades) {
				return fmt.Errorf("message %d: a snapshot at %d has %d trades, the log %d, and it is not said to be partial", i, s.to, len(s.ids), to)
			}
		case "update":
			if s.from == 0 && partial {
				from = max(to-len(s.ids), 0) // the node had not read what was before
			}
			if from > to || !equalIDs(s.ids, log[from:to]) {
				return fmt.Errorf("message %d: an update from %d to %d has %v, the log %v", i, s.from, s.to, s.ids, log[min(from, to):to])
			}
		case "gap":
			if s.n != nil && s.reason != "epoch" && int(*s.n) != to-from {
				return fmt.Errorf("message %d: a gap from %d to %d says %d trades, the log has %d", i, s.from, s.to, *s.n, to-from)
			}
		}
	}
	return nil
}

// snapshotTrades is how many trades a snapshot has when there are enough.
const snapshotTrades = 50

// place returns how many trades of a log have a seq up to seq.
func place(log []trade, seq uint64) int {
	return sort.Search(len(log), func(i int) bool { return log[i].seq > seq })
}

func tail(log []trade, n int) []trade { return log[max(len(log)-n, 0):] }

func equalIDs(ids []string, log []trade) bool {
	return slices.EqualFunc(ids, log, func(id string, t trade) bool { return id == t.id })
}

// symbolOf returns the symbol's part of a room's name, without its variant.
func symbolOf(room string) string {
	parts := strings.SplitN(room, ":", 3)
	symbol, _, _ := strings.Cut(parts[2], "@")
	return symbol
}
