package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tapedeck/wire/mirror"
)

// forFrontEnds are the pages whose examples run.
var forFrontEnds = []string{"front-ends.md", "books.md", "errors.md", "limits.md", "tradingview.md"}

// blocks returns the examples of a page that are written in a language.
func blocks(t *testing.T, page, language string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		list = append(list, m[1])
	}
	return list
}

// Each JSON of the pages is a message, a command or an answer as it is described.
func TestDocumentedJSONIsAsDescribed(t *testing.T) {
	count := 0
	for _, page := range forFrontEnds {
		for _, text := range blocks(t, page, "json") {
			var kind struct {
				Op, S string
				T     any // of bars: their times
			}
			err := json.Unmarshal([]byte(text), &kind)
			switch {
			case err != nil:
			case kind.S != "":
				err = schemas.Check("udf-history.json", []byte(text))
			case kind.Op != "":
				err = schemas.Check("commands.json", []byte(text))
			default:
				err = schemas.Message([]byte(text))
			}
			if err != nil {
				t.Errorf("%s: %v", page, err)
			}
			count++
		}
	}
	if count < 5 {
		t.Errorf("only %d", count)
	}
}

// Each curl of the pages is answered: with what it asks for, and as it is described.
func TestDocumentedRequestsAreAnswered(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp)
	for i := range 5 {
		tp.add("trade BTC-USDT %d 100.5 1\nquote BTC-USDT 100 1 101 1\nwhole BTC-USDT %d b100=1 a101=2", i, i+1)
	}
	count := 0
	for _, page := range forFrontEnds {
		for _, m := range regexp.MustCompile(`curl (-N )?'http://127\.0\.0\.1:8080([^']*)'`).FindAllStringSubmatch(strings.Join(blocks(t, page, "sh"), ""), -1) {
			at := strings.ReplaceAll(m[2], "BINANCE", "TEST")
			u, err := url.Parse(at)
			if err != nil || openAPI.answers(u.Path) == nil {
				t.Errorf("%s: %s is not described: %v", page, at, err)
				continue
			}
			count++
			if m[1] != "" { // a stream
				continue
			}
			if status, body, _ := get(t, n, at); status != http.StatusOK || len(body) < 10 {
				t.Errorf("%s: %s: %d %s", page, at, status, body)
			}
		}
	}
	if count < 10 {
		t.Errorf("only %d", count)
	}
}

// javaScript is a program that runs a text with a WebSocket; without one the test is skipped.
func javaScript(t *testing.T, text string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node to run the example")
	}
	check := exec.Command(program, "--experimental-websocket", "-e", "new WebSocket('ws://127.0.0.1:1').onerror = () => {}")
	if err := check.Run(); err != nil {
		t.Skip("this node has no WebSocket: 20.10 or later is wanted")
	}
	return exec.CommandContext(t.Context(), program, "--experimental-websocket", "--no-warnings", "--input-type=module", "-e", text)
}

// The page's book is the server's, at the end of a stream of changes in which its connection was cut.
func TestDocumentedBookIsRight(t *testing.T) {
	examples := blocks(t, "books.md", "js")
	if len(examples) != 1 {
		t.Fatalf("%d examples", len(examples))
	}
	tp := newTape(1)
	n := run(t, tp)
	last := 1
	tp.add("whole BTC-USDT %d b100.50=1 b99=1 a101=2 a102.0=3", last)
	text := strings.ReplaceAll(strings.ReplaceAll(examples[0], "BINANCE", "TEST"), "127.0.0.1:8080", n.Addr().String())
	text = strings.ReplaceAll(text, "100ms", "50ms")
	program := javaScript(t, text+`
setInterval(() => console.log(JSON.stringify({ good: book.good && ws.readyState === 1, cuts, since, bids: [...book.bids.values()], asks: [...book.asks.values()] })), 20)
let cuts = 0
process.stdin.on('data', (lines) => { cuts += String(lines).split('\n').length - 1; ws.close() })
`)
	in, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	program.Stderr = os.Stderr
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = program.Process.Kill()
		_ = program.Wait()
	}()
	type state struct {
		Good       bool
		Cuts       int
		Since      *struct{ Seq uint64 }
		Bids, Asks [][2]string
	}
	lines := bufio.NewScanner(out)
	until := func(what string, ok func(s *state) bool) (s state) {
		deadline := time.Now().Add(20 * time.Second)
		for lines.Scan() && time.Now().Before(deadline) {
			s = state{}
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				t.Fatal(err)
			}
			if ok(&s) {
				return s
			}
		}
		t.Fatalf("waited in vain: %s: %+v", what, s)
		return s
	}
	until("the first snapshot", func(s *state) bool { return s.Good && len(s.Bids) == 2 })
	change := func() {
		last++
		side, least := 'b', 60 // bids from 60 on, asks from 110 on
		if last/5%2 == 1 {
			side, least = 'a', 110
		}
		price := fmt.Sprintf("%d.%s", least+last*7%30, []string{"5", "50", "500"}[last/30%3]) // one level, in three spellings
		tp.add("delta BTC-USDT %d %d %c%s=%d %c%d.50=0", last, last, side, price, last%4, side, least+last*3%30)
	}
	for i := range 300 {
		change()
		if i%100 == 50 {
			_, _ = in.Write([]byte("cut\n"))
		}
		if i%10 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	whole := func(s *state) bool { return s.Good && s.Since != nil && s.Since.Seq == uint64(last) }
	until("the last change", whole)
	_, _ = in.Write([]byte("cut\n")) // nothing changes meanwhile
	got := until("its return", func(s *state) bool { return s.Cuts == 4 && whole(s) })
	_, body, _ := get(t, n, "/v1/snapshot/book:TEST:BTC-USDT@20")
	truth := mirror.New()
	if err := truth.Frame([]byte("[" + body + "]")); err != nil {
		t.Fatal(err)
	}
	room := truth.Room("book:TEST:BTC-USDT@20")
	for i, side := range [][][2]string{got.Bids, got.Asks} {
		want := []map[string]string{room.Bids, room.Asks}[i]
		have := map[string]string{}
		for _, l := range side {
			have[trimZeros(l[0])] = l[1]
		}
		if len(side) != len(have) || !maps.Equal(have, want) {
			t.Errorf("a side is %v, want %v", side, want)
		}
	}
	if len(room.Bids)+len(room.Asks) < 5 {
		t.Errorf("a book of nothing: %v %v", room.Bids, room.Asks)
	}
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// The first example prints what comes.
func TestDocumentedQuickStartRuns(t *testing.T) {
	tp := newTape(1)
	n := run(t, tp)
	tp.add("trade BTC-USDT 1 100.5 1\nquote BTC-USDT 100 1 101 1")
	text := blocks(t, "front-ends.md", "js")[0]
	text = strings.ReplaceAll(strings.ReplaceAll(text, "BINANCE", "TEST"), "127.0.0.1:8080", n.Addr().String())
	program := javaScript(t, text+"\nsetTimeout(() => ws.close(), 60000)\n")
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = program.Process.Kill()
		_ = program.Wait()
	}()
	var heard []string
	for lines := bufio.NewScanner(out); !slices.Contains(heard, "snapshot quotes:TEST:BTC-USDT") && lines.Scan(); {
		words := strings.Fields(lines.Text())
		heard = append(heard, strings.Join(words[:min(2, len(words))], " "))
	}
	for _, want := range []string{"hello", "snapshot trades:TEST:BTC-USDT", "snapshot quotes:TEST:BTC-USDT"} {
		if !slices.ContainsFunc(heard, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("%q was not heard: %q", want, heard)
		}
	}
}
