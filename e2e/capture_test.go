package e2e_test

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"tapedeck/feed/capture"
)

// session is one recorded session: files that follow each other, each with its REST answers.
type session struct {
	name   string
	format string
	venue  string
	trades string   // which stream its trades are in
	files  []string // without .raw.gz
	checks int      // depth events on a good book whose update id a bookTicker has
	wrong  int      // of those, how many the venue itself contradicts
}

// data is the folder of recorded sessions.
func data(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TAPEDECK_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("there is no recorded data: %v", err)
	}
	return filepath.Join(dir, "sessions")
}

// load reads a session as records for a topic; length, where not 0, is how many µs of it.
func (s session) load(t testing.TB, topic string, length int64) (list []*message) {
	t.Helper()
	var paths []string
	for _, file := range s.files {
		path := filepath.Join(data(t), file+".raw.gz")
		paths = append(paths, path)
		if rest, ok := capture.Rest(path); ok {
			paths = append(paths, rest)
		}
	}
	in, err := capture.OpenMerged(paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	symbol := ""
	for {
		m, err := in.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if length > 0 && len(list) > 0 && m.Time > list[0].time+length {
			return list
		}
		r := &message{topic: topic, time: m.Time, value: bytes.Clone(m.Data)}
		if r.symbol = restSymbol(m.URL); r.symbol == "" {
			r.symbol = field(m.Data, `"s":"`)
		}
		if r.symbol == "" {
			r.symbol = symbol // a REST body amid a session of one symbol
		}
		symbol = r.symbol
		r.key = r.symbol
		if bytes.Contains(m.Data, []byte(`"lastUpdateId"`)) {
			r.native = r.symbol
		}
		r.trade = tradeID(s.trades, m.Data)
		list = append(list, r)
	}
}

// restSymbol is what a REST request asked for.
func restSymbol(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get("symbol")
}

// field returns the text behind a key, up to the next quotation mark.
func field(text []byte, key string) string {
	_, after, _ := bytes.Cut(text, []byte(key))
	value, _, _ := bytes.Cut(after, []byte(`"`))
	return string(value)
}

// tradeID returns the id of a trade of the stream, "" for any other message.
func tradeID(stream string, text []byte) string {
	if !bytes.Contains(text, []byte(`"e":"`+stream+`"`)) {
		return ""
	}
	key := map[string]string{"trade": `"t":`, "aggTrade": `"a":`}[stream]
	return strconv.FormatInt(number(text, key), 10)
}

// number returns the integer behind a key.
func number(text []byte, key string) (n int64) {
	_, after, _ := bytes.Cut(text, []byte(key))
	for _, c := range after {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int64(c-'0')
	}
	return n
}
