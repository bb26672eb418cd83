package mirror_test

import (
	"strings"
	"testing"

	"tapedeck/wire/mirror"
)

const (
	snapshot = `{"t":"snapshot","room":"quotes:V:A","epoch":"e","seq":5,"d":{"bid":"1.50","ask":"2"}}`
	update   = `{"t":"update","room":"quotes:V:A","prev":5,"seq":7,"n":1,"d":{"bid":"1.6","ask":null}}`
	lost     = `{"t":"gap","room":"quotes:V:A","epoch":"e","from":5,"to":9,"n":3,"reason":"retention"}`
	tape     = `{"t":"snapshot","room":"trades:V:A","epoch":"e","seq":5,"d":[{"id":"1","px":"1","qty":"1","side":"buy","ts":1}]}`
	book     = `{"t":"snapshot","room":"book:V:A","epoch":"e","seq":5,"d":{"bids":[["9.0","1"],["10","2.50"]],"asks":[["11","1"]]}}`
	candles  = `{"t":"snapshot","room":"candles:V:A@1m","epoch":"e","seq":5,"d":[{"start":60,"o":"1","n":1,"final":true},{"start":120,"o":"2","n":1}]}`
)

func TestRulesOfTheChain(t *testing.T) {
	for name, tt := range map[string]struct {
		messages []string
		fault    string // part of what is wrong; "" if nothing is
	}{
		"a snapshot, then what continues it": {[]string{snapshot, update}, ""},
		"an update before any snapshot":      {[]string{update}, "before any snapshot"},
		"an update twice":                    {[]string{snapshot, update, update}, "prev 5 does not continue 7"},
		"an update to where it began":        {[]string{snapshot, strings.Replace(update, `"seq":7`, `"seq":5`, 1)}, "not over prev"},
		"an update of nothing":               {[]string{snapshot, strings.Replace(update, `"n":1`, `"n":0`, 1)}, "no events"},
		"a snapshot in between":              {[]string{snapshot, update, snapshot, update}, ""},
		"a gap, then a snapshot":             {[]string{snapshot, lost, strings.Replace(snapshot, `"seq":5`, `"seq":9`, 1)}, ""},
		"a gap, then an update":              {[]string{snapshot, lost, strings.NewReplacer(`"prev":5`, `"prev":9`, `"seq":7`, `"seq":10`).Replace(update)}, "a snapshot had to come"},
		"a gap of elsewhere":                 {[]string{snapshot, strings.Replace(lost, `"from":5`, `"from":4`, 1)}, "does not continue"},
		"a gap in a tape, then trades": {[]string{
			tape, `{"t":"gap","room":"trades:V:A","epoch":"e","from":5,"to":9,"reason":"slow"}`,
			`{"t":"update","room":"trades:V:A","prev":9,"seq":10,"n":1,"d":[{"id":"7"}]}`,
		}, ""},
		"another epoch, then trades": {[]string{
			tape, `{"t":"gap","room":"trades:V:A","epoch":"f","from":5,"to":0,"reason":"epoch"}`,
			`{"t":"update","room":"trades:V:A","prev":0,"seq":10,"n":1,"d":[{"id":"7"}]}`,
		}, "a snapshot had to come"},
		"a status takes no part":           {[]string{snapshot, `{"t":"status","room":"quotes:V:A","state":"halted"}`, update}, ""},
		"an empty level in a snapshot":     {[]string{strings.Replace(book, `"1"]`, `"0"]`, 1)}, "an empty level"},
		"a message of a kind to come":      {[]string{snapshot, `{"t":"news","room":"quotes:V:A"}`, update}, ""},
		"a channel that nobody knows":      {[]string{`{"t":"snapshot","room":"moods:V:A","seq":1,"d":{}}`}, "unknown channel"},
		"a body that is none of a channel": {[]string{`{"t":"snapshot","room":"trades:V:A","seq":1,"d":{}}`}, "cannot unmarshal"},
	} {
		err := mirror.New().Frame([]byte("[" + strings.Join(tt.messages, ",") + "]"))
		switch {
		case tt.fault == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
			t.Errorf("%s: %v, want %q", name, err, tt.fault)
		}
	}
	for _, frame := range []string{`{}`, `[]`, `[1]`, ``} {
		if mirror.New().Frame([]byte(frame)) == nil {
			t.Errorf("%q passes for a frame", frame)
		}
	}
}

// room folds messages and returns the room that they are of.
func room(t *testing.T, messages ...string) *mirror.Room {
	t.Helper()
	m := mirror.New()
	if err := m.Frame([]byte("[" + strings.Join(messages, ",") + "]")); err != nil {
		t.Fatal(err)
	}
	for _, r := range m.Rooms {
		return r
	}
	return nil
}

func TestFolding(t *testing.T) {
	q := room(t, snapshot, update)
	if q.Seq != 7 || q.Fields["bid"] != "1.6" || len(q.Fields) != 1 {
		t.Errorf("a quote is told whole: %+v", q)
	}
	tick := room(t, `{"t":"snapshot","room":"ticker:V:A","seq":1,"d":{"last":"1","mark":"2"}}`, `{"t":"update","room":"ticker:V:A","prev":1,"seq":2,"n":1,"d":{"mark":null,"open":"3"}}`)
	if len(tick.Fields) != 2 || tick.Fields["last"] != "1" || tick.Fields["open"] != "3" {
		t.Errorf("of a ticker what changed: %+v", tick.Fields)
	}
	b := room(t, book, `{"t":"update","room":"book:V:A","prev":5,"seq":6,"n":1,"d":{"bids":[["10.0","0"],["9","3"]],"asks":[]}}`)
	if bid, qty, ask, _ := b.Best(); bid != "9" || qty != "3" || ask != "11" || len(b.Bids) != 1 {
		t.Errorf("the best are %s and %s of %+v", bid, ask, b.Bids)
	}
	if lostRoom := room(t, snapshot, lost); lostRoom.Seq != 9 || lostRoom.Lost != 3 || !lostRoom.Wants {
		t.Errorf("after a gap: %+v", lostRoom)
	}
}

func TestDiffer(t *testing.T) {
	later := func(message, seq string) string { return strings.Replace(message, `"seq":5`, `"seq":`+seq, 1) }
	for name, tt := range map[string]struct {
		have, want string
		differ     bool
	}{
		"the same":                    {snapshot, snapshot, false},
		"the same, spelled otherwise": {snapshot, strings.Replace(snapshot, "1.50", "1.5", 1), false},
		"another number":              {snapshot, strings.Replace(snapshot, "1.50", "1.51", 1), true},
		"behind":                      {snapshot, later(snapshot, "6"), true},
		"ahead, and nothing happened": {later(snapshot, "6"), snapshot, false},
		"a level less":                {book, strings.Replace(book, `,["10","2.50"]`, "", 1), true},
		"a level more":                {strings.Replace(book, `,["10","2.50"]`, "", 1), book, true},
		"another newest trade":        {tape, strings.Replace(tape, `"id":"1"`, `"id":"2"`, 1), true},
		"fewer trades":                {tape, strings.Replace(tape, `"d":[`, `"d":[{"id":"0"},`, 1), false},
		"fewer of the older candles":  {strings.Replace(candles, `{"start":60,"o":"1","n":1,"final":true},`, "", 1), candles, false},
		"one that is not final":       {strings.Replace(candles, `,"final":true`, "", 1), candles, true},
		"without the newest":          {strings.Replace(candles, `,{"start":120,"o":"2","n":1}`, "", 1), candles, true},
		"with one that is not there":  {candles, strings.Replace(candles, `,{"start":120,"o":"2","n":1}`, "", 1), true},
	} {
		if d := room(t, tt.have).Differ(room(t, tt.want)); (d != "") != tt.differ {
			t.Errorf("%s: %q", name, d)
		}
	}
}
