package feedtest

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	stdtime "time"

	"tapedeck/feed"
)

// readHex reads the messages of a binary format: a message is lines of hex digits with comments behind a #, up to a
// line that is blank. Before it may stand "@key KEY", "@time MICROS", its log time; "@before", of a message that is
// decoded before the next one; and "@always", of one that is decoded before all that follow in the file.
func readHex(t testing.TB, name string) (all []Message) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var always, before []feed.Record
	var r feed.Record
	var role string
	for line := range strings.Lines(string(text) + "\n\n") {
		digits, _, _ := strings.Cut(strings.TrimSpace(line), "#")
		word, rest, _ := strings.Cut(strings.TrimSpace(digits), " ")
		switch {
		case word == "@key":
			r.Key = []byte(rest)
		case word == "@time":
			if r.Time, err = strconv.ParseInt(rest, 10, 64); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		case strings.HasPrefix(word, "@"):
			role = word
		case strings.TrimSpace(line) != "":
			part, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
			if err != nil {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			r.Value = append(r.Value, part...)
		case len(r.Value) > 0:
			switch role {
			case "@always":
				always = append(always, r)
			case "@before":
				before = append(before, r)
			default:
				m := Message{Record: r, Binary: true, Options: feed.DefaultOptions(), Before: slices.Concat(always, before)}
				m.Name = strings.TrimSuffix(filepath.Base(name), ".hex") + ":" + strconv.Itoa(len(all)+1)
				all, before = append(all, m), nil
			}
			r, role = feed.Record{Key: r.Key, Time: r.Time}, ""
		}
	}
	return all
}

// ticks reports whether a time in µs is written in a binary record as Nasdaq does: in ns after midnight in New York,
// in 6 bytes.
func ticks(value []byte, time int64) bool {
	zone, err := stdtime.LoadLocation("America/New_York")
	if err != nil {
		return true // the machine knows no zones: the goldens have the times
	}
	for ; len(value) >= 6; value = value[1:] {
		ns := int64(0)
		for _, c := range value[:6] {
			ns = ns<<8 | int64(c)
		}
		if t := stdtime.UnixMicro(time - ns/1000).In(zone); ns < int64(24*stdtime.Hour) && t.Equal(stdtime.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone)) {
			return true
		}
	}
	return false
}
