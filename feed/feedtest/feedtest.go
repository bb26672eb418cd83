// Package feedtest is what every decoder must pass. Decoder runs it over a format's messages, which lie
// in its testdata with what they must become beside them; Fuzz looks for more.
package feedtest

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/capture"
	"tapedeck/market"
)

var update = flag.Bool("update", false, "write what messages become to their .golden files, to be reviewed")

// Message is a record to be decoded, and the option it is meant for.
type Message struct {
	feed.Record
	Name    string // of its file, and its number there
	Options feed.Options
	Before  []feed.Record // that a decoder which remembers must have read
	Binary  bool          // it is no JSON
	CSV     bool          // it is Binary, and may be cut short and be a message all the same
	Comment string        // the lines before it that begin with #
}

// Messages reads the messages of dir/*.txt, one a line. Lines that begin with # are comments; one that
// begins with @ says more about the next message: "@key KEY", "@header NAME VALUE", "@trades STREAM",
// "@before MESSAGE", which is decoded before it and has the key and headers above; or about all that
// follow in the file: "@always MESSAGE". Those of binary formats are in dir/*.hex (readHex), those in
// CSV in dir/*.csv, written as these.
func Messages(t testing.TB, dir string) (all []Message) {
	t.Helper()
	for _, name := range filesOf(t, dir) {
		all = append(all, read(t, name)...)
	}
	return all
}

// filesOf are the files with messages of a folder.
func filesOf(t testing.TB, dir string) (files []string) {
	t.Helper()
	for _, pattern := range []string{"*.txt", "*.hex", "*.csv"} {
		some, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	if len(files) == 0 {
		t.Fatalf("there are no messages in %s", dir)
	}
	return files
}

func read(t testing.TB, name string) (all []Message) {
	t.Helper()
	if filepath.Ext(name) == ".hex" {
		return readHex(t, name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m := Message{Options: feed.DefaultOptions()}
	var always []feed.Record
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "":
		case line[0] == '#':
			m.Comment += line + "\n"
		case word == "@key":
			m.Key = []byte(rest)
		case word == "@header":
			key, value, _ := strings.Cut(rest, " ")
			m.Headers = append(m.Headers, feed.Header{Key: key, Value: []byte(value)})
		case word == "@trades":
			m.Options.Trades = rest
		case word == "@before":
			m.Before = append(m.Before, feed.Record{Key: m.Key, Headers: m.Headers, Value: []byte(rest)})
		case word == "@always":
			always = append(always, feed.Record{Key: m.Key, Headers: m.Headers, Value: []byte(rest)})
		default:
			m.Value = []byte(line)
			m.Before = slices.Concat(always, m.Before)
			m.CSV = filepath.Ext(name) == ".csv"
			m.Binary = m.CSV
			m.Name = strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)) + ":" + strconv.Itoa(len(all)+1)
			all = append(all, m)
			m = Message{Options: feed.DefaultOptions()}
		}
	}
	return all
}

// Data returns the path of recorded data: in the folder that $TAPEDECK_DATA names, or in ../shared/data
// beside the module. Where it is absent the test is skipped.
func Data(t testing.TB, rel string) string {
	t.Helper()
	dir := os.Getenv("TAPEDECK_DATA")
	if dir == "" {
		dir = filepath.Join(root(t), "..", "shared", "data")
	}
	path := filepath.Join(dir, filepath.FromSlash(rel))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no recorded data: %v; TAPEDECK_DATA can name its folder", err)
	}
	return path
}

// root is the folder of the module.
func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the test does not run inside the module")
		}
		dir = filepath.Dir(dir)
	}
}

// Session opens a recorded session of one file, or of files that follow each other, with the REST
// order books that were fetched beside them.
func Session(t testing.TB, rel ...string) *capture.Merged {
	t.Helper()
	var paths []string
	for _, r := range rel {
		path := Data(t, r)
		paths = append(paths, path)
		if rest, ok := capture.Rest(path); ok {
			paths = append(paths, rest)
		}
	}
	m, err := capture.OpenMerged(paths...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// subject is a decoder under test, with a batch that holds an event already.
type subject struct {
	format  *feed.Format
	options feed.Options
	decoder feed.Decoder
	batch   market.Batch
	first   *market.Symbol // of that event
}

func newSubject(f *feed.Format, m *Message) *subject {
	return &subject{format: f, options: m.Options, decoder: m.Decoder(f), first: &market.Symbol{Venue: "V", Name: "N", Native: "N"}}
}

// Decoder returns a new decoder that has read what comes before the message.
func (m *Message) Decoder(f *feed.Format) feed.Decoder {
	d := f.New(m.Options)
	var b market.Batch
	for i := range m.Before {
		b.Reset()
		d.Decode(&b, &m.Before[i])
	}
	return d
}

// decode decodes a record and returns what became of it as text; with it the faults of the decoder.
func (s *subject) decode(r *feed.Record) (text string, err error, faults []string) {
	s.batch.Reset()
	before := s.batch.Trade(s.first, 7)
	before.Price = market.Int(7)
	err = s.decoder.Decode(&s.batch, r)
	if len(s.batch.Events) == 0 || s.batch.Events[0].Symbol != s.first || before.Price != market.Int(7) {
		return "", err, []string{"it touched an event that was there before"}
	}
	events := s.batch.Events[1:]
	if err != nil {
		return err.Error(), err, refusalFaults(err, len(events))
	}
	if len(events) == 0 {
		faults = append(faults, "neither an event nor a reason")
	}
	for i := range events {
		faults = append(faults, eventFaults(&events[i], s.format, r)...)
	}
	if len(faults) != 0 {
		return "", nil, faults
	}
	return Text(events), nil, nil
}

func refusalFaults(err error, events int) (faults []string) {
	var why feed.Reason
	switch {
	case !errors.As(err, &why):
		faults = append(faults, "refused without a feed.Reason: "+err.Error())
	case why.Bad() && !slices.Contains(feed.Reasons, why):
		faults = append(faults, "refused for a reason that nobody counts: "+string(why))
	}
	if events != 0 {
		faults = append(faults, "refused, but its events were not taken back")
	}
	return faults
}

// clone copies a record, all of it.
func clone(r *feed.Record) *feed.Record {
	c := *r
	c.Key, c.Value, c.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range c.Headers {
		c.Headers[i].Value = bytes.Clone(c.Headers[i].Value)
	}
	return &c
}

// with returns the record with another value.
func with(r *feed.Record, value []byte) *feed.Record {
	c := clone(r)
	c.Value = value
	return c
}

// scribble overwrites all of a record's memory.
func scribble(r *feed.Record) {
	for _, b := range append([][]byte{r.Key, r.Value}, headerValues(r)...) {
		for i := range b {
			b[i] = '#'
		}
	}
}

func headerValues(r *feed.Record) (all [][]byte) {
	for _, h := range r.Headers {
		all = append(all, h.Value)
	}
	return all
}
