package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/broker"
)

// rig is a broker, a node that serves its topic, and what both need.
type rig struct {
	*broker.Broker
	node           background
	clients, admin string // addresses of the node
}

// assemble starts a broker with a topic md of two partitions, and a node on it.
func assemble(t *testing.T, args ...string) *rig {
	t.Helper()
	leaks(t)
	b, err := broker.New(broker.Config{Topic: "md", Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	r := &rig{Broker: b}
	r.node = inBackground(t, append([]string{"serve", "--brokers", b.Addr(), "--feed", "binance=md", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
		"--drain-wait", "0", "--drain-spread", "1ms"}, args...)...)
	var serving struct{ Clients, Admin string }
	eventually(t, "the node's addresses", func() bool {
		for line := range strings.Lines(r.node.out.String()) {
			if strings.Contains(line, `"msg":"serving"`) && json.Unmarshal([]byte(line), &serving) == nil {
				return true
			}
		}
		return false
	})
	r.clients, r.admin = serving.Clients, serving.Admin
	return r
}

// publish sends records of one symbol into one of the topic's partitions.
func (r *rig) publish(t *testing.T, partition int, key string, values ...string) {
	t.Helper()
	w := &kafkago.Writer{Addr: kafkago.TCP(r.Addr()), Topic: "md", BatchTimeout: time.Millisecond, RequiredAcks: kafkago.RequireAll,
		Balancer: kafkago.BalancerFunc(func(kafkago.Message, ...int) int { return partition }), Transport: &kafkago.Transport{}}
	defer w.Transport.(*kafkago.Transport).CloseIdleConnections()
	defer w.Close()
	var list []kafkago.Message
	for _, v := range values {
		m := kafkago.Message{Key: []byte(key), Value: []byte(v), Headers: []kafkago.Header{{Key: "source", Value: []byte("a \x1b[31mtest")}}}
		if v == "" {
			m.Value = nil
		}
		list = append(list, m)
	}
	if err := w.WriteMessages(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
}

// trade is a trade as Binance tells it.
func trade(symbol string, id int, price string) string {
	now := time.Now().UnixMilli()
	return fmt.Sprintf(`{"e":"trade","E":%d,"s":%q,"t":%d,"p":%q,"q":"0.50","T":%d,"m":true,"M":true}`, now, symbol, id, price, now)
}

func fetched(t *testing.T, address string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// From Kafka to a client, while it runs and at its end.
func TestServe(t *testing.T) {
	r := assemble(t, "--pprof", "--only", "symbol:BTC-*")
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 1, "64000.10"))
	eventually(t, "readiness", func() bool {
		code, out, _ := runs(t, "healthcheck", "--admin", strings.TrimPrefix(r.admin, "http://"))
		return code == flags.OK && out == "ready\n"
	})
	client := inBackground(t, "tail", "--url", r.clients, "--interval", "0", "trades:BINANCE:BTC-USDT", "candles:BINANCE:BTC-USDT@1m")
	eventually(t, "the trade that was there", func() bool { return strings.Contains(client.out.String(), "sell         0.50 @ 64000.10 id 1\n") })
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 2, "64000.20"))
	r.publish(t, 1, "ETHUSDT", trade("ETHUSDT", 1, "3000"))
	eventually(t, "the trade that came", func() bool { return strings.Contains(client.out.String(), "sell         0.50 @ 64000.20 id 2\n") })
	eventually(t, "its candle", func() bool { return strings.Contains(client.out.String(), " h 64000.20 l 64000.10 ") })

	if status, body := fetched(t, r.clients+"/"); status != http.StatusOK || !strings.Contains(body, "<html") {
		t.Errorf("the first page: %d, %.100s", status, body)
	}
	if status, _ := fetched(t, r.admin+"/debug/pprof/"); status != http.StatusOK {
		t.Errorf("profiles: %d", status)
	}
	if status, body := fetched(t, r.clients+"/v1/rooms"); status != http.StatusOK || !strings.Contains(body, "BTC-USDT") || strings.Contains(body, "ETH-USDT") {
		t.Errorf("--only symbol:BTC-* serves %d, %s", status, body)
	}

	if code := r.node.stop(); code != flags.OK {
		t.Errorf("the node ends with %d: %s", code, r.node.out)
	}
	eventually(t, "the node's last words", func() bool { return strings.Contains(client.out.String(), "connection ended (draining)") })
	if code := client.stop(); code != flags.OK {
		t.Errorf("tail ends with %d: %s", code, client.out)
	}
	if code, _, errs := runs(t, "healthcheck", "--admin", strings.TrimPrefix(r.admin, "http://")); code != flags.Failed || !strings.Contains(errs, "is a streamer running there?") {
		t.Errorf("no node: code %d, %s", code, errs)
	}
}

// What a served room is made of is decoded, and not served.
func TestServeOnlyWhatIsDerived(t *testing.T) {
	r := assemble(t, "--only", "channel:candles")
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 1, "64000.10"))
	client := inBackground(t, "tail", "--url", r.clients, "candles:BINANCE:BTC-USDT@1m")
	eventually(t, "a candle", func() bool { return strings.Contains(client.out.String(), " c 64000.10 v 0.50 n 1") })
	if code, out, errs := runs(t, "tail", "--url", r.clients, "trades:BINANCE:BTC-USDT"); code != flags.Failed || out != "" || !strings.Contains(errs, "streamer: refused: trades:BINANCE:BTC-USDT: ") {
		t.Errorf("trades: code %d: %s%s", code, out, errs)
	}
}

// A node without its Kafka is not ready, and says why.
func TestServeWaitsForKafka(t *testing.T) {
	leaks(t)
	node := inBackground(t, "serve", "--brokers", "127.0.0.1:1", "--feed", "binance=md", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "text")
	var m []string
	eventually(t, "the node's address", func() bool {
		m = regexp.MustCompile(`serving .* admin=http://(\S+) `).FindStringSubmatch(node.out.String())
		return m != nil
	})
	eventually(t, "the reason", func() bool {
		code, _, errs := runs(t, "healthcheck", "--admin", m[1])
		return code == flags.Failed && strings.Contains(errs, "answers 503: not ready: ") && strings.Contains(errs, "127.0.0.1:1")
	})
	if code := node.stop(); code != flags.OK {
		t.Errorf("ends with %d: %s", code, node.out)
	}
}

func TestServeSetsRecordsAside(t *testing.T) {
	r := assemble(t, "--dead-letters", "dead")
	w := &kafkago.Client{Addr: kafkago.TCP(r.Addr()), Transport: &kafkago.Transport{}}
	defer w.Transport.(*kafkago.Transport).CloseIdleConnections()
	if _, err := w.CreateTopics(t.Context(), &kafkago.CreateTopicsRequest{Topics: []kafkago.TopicConfig{{Topic: "dead", NumPartitions: 1, ReplicationFactor: 1}}}); err != nil {
		t.Fatal(err)
	}
	r.publish(t, 0, "BTCUSDT", "nonsense")
	eventually(t, "the refused record", func() bool {
		list := records(t, r.Addr(), "dead", 0)
		return len(list) > 0 && string(list[0].Value) == "nonsense"
	})
	eventually(t, "it is counted", func() bool {
		_, text := fetched(t, r.admin+"/metrics")
		return strings.Contains(text, "tapedeck_dead_letters_total{result=\"written\"} 1\n")
	})
}

func TestExplain(t *testing.T) {
	r := assemble(t)
	r.publish(t, 0, "ETHUSDT", trade("ETHUSDT", 1, "3000"))
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 7, "64000.10"), "nonsense", "", `{"result":null,"id":1}`)
	mine := filepath.Join(t.TempDir(), "mine.yaml")
	mapping := "mappings:\n  desk:\n    format: json\n    venue: DESK\n    symbol: s\n    messages:\n      - trade: {price: p, size: q}\n"
	if err := os.WriteFile(mine, []byte(mapping), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(args ...string) []string {
		return append([]string{"explain", "--brokers", r.Addr(), "--url", r.clients}, args...)
	}
	eventually(t, "the room", func() bool {
		code, _, _ := runs(t, at("trades:BINANCE:BTC-USDT", "2")...)
		return code == flags.OK
	})
	tests := []struct {
		args string
		want []string // in what is printed
	}{
		{"trades:BINANCE:BTC-USDT 2", []string{
			"record   md/0 offset 1, epoch ", "key      BTCUSDT\n", "header   source: \"a \\x1b[31mtest\"\n", "\"e\": \"trade\",\n",
			"events   1\n       * trades:BINANCE:BTC-USDT ", `{"id":"7","px":"64000.10","qty":"0.50","side":"sell",`, "* what trades:BINANCE:BTC-USDT is told of\n"}},
		{"candles:BINANCE:BTC-USDT@1m 2", []string{"       * trades:BINANCE:BTC-USDT "}},
		{"trades:BINANCE:BTC-USDT 1", []string{"key      ETHUSDT\n", "         trades:BINANCE:ETH-USDT ", "none of them is of trades:BINANCE:BTC-USDT"}},
		{"trades:BINANCE:BTC-USDT 3", []string{"value    8 bytes\n         nonsense\n", "events   none: the record is refused: bad_json"}},
		{"trades:BINANCE:BTC-USDT 4", []string{"value    none: a tombstone\n", "events   none: the record is refused: tombstone"}},
		{"trades:BINANCE:BTC-USDT 5", []string{"events   none: the record is ignored\n"}},
		{"trades:BINANCE:BTC-USDT 2 --topic md --partition 0 --url http://127.0.0.1:1", []string{"record   md/0 offset 1\n"}},
		{"trades:KRAKEN:BTC-USDT 2 --topic md --partition 0 --feed binance=md", []string{"none of them is of trades:KRAKEN:BTC-USDT"}},
		{"trades:DESK:BTCUSDT 2 --topic md --partition 0 --config " + mine, []string{"       * trades:DESK:BTCUSDT ", `"px":"64000.10"`}},
	}
	for _, tt := range tests {
		code, out, errs := runs(t, at(strings.Fields(tt.args)...)...)
		for _, want := range tt.want {
			if code != flags.OK || !strings.Contains(out, want) {
				t.Errorf("%s: code %d, there is no %q in\n%s%s", tt.args, code, want, out, errs)
			}
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%s steers the terminal", tt.args)
		}
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"trades:BINANCE:BTC-USDT 99", flags.Failed, "the record cannot be had: offset 98 is not in md/0: it holds 0 up to 4"},
		{"trades:BINANCE:LTC-USDT 2", flags.Failed, "the node has had no record of trades:BINANCE:LTC-USDT; name its place with --topic and --partition"},
		{"trades:KRAKEN:BTC-USDT 2 --topic md --partition 0", flags.WrongFlags, "the format of md is not known: give it with --feed NAME=md, where NAME is one of kraken kraken-v1\n"},
		{"trades:BINANCE:BTC-USDT 2 --topic md", flags.WrongFlags, "--topic and --partition go together"},
		{"trades:BINANCE:BTC-USDT 0", flags.WrongFlags, `"0" is not a seq`},
		{"trades:BINANCE:BTC-USDT x", flags.WrongFlags, `"x" is not a seq`},
		{"trades:BINANCE:BTC-USDT", flags.WrongFlags, "explain needs a room and a seq"},
		{"trades:BINANCE:* 1", flags.WrongFlags, "a pattern has no seq"},
		{"tardes:BINANCE:X 1", flags.WrongFlags, "there is no channel tardes: did you mean trades?"},
		{"trades:BINANCE:BTC-USDT 2 --url http://127.0.0.1:1", flags.Failed, "is a streamer running there?"},
		{"trades:BINANCE:BTC-USDT 2 --url ftp://x", flags.WrongFlags, "neither http nor https"},
	} {
		code, out, errs := runs(t, at(strings.Fields(tt.args)...)...)
		if code != tt.code || out != "" || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: code %d, want %d: %s%s", tt.args, code, tt.code, out, errs)
		}
	}
}

func TestTailRefusesWhatCannotBe(t *testing.T) {
	for args, want := range map[string]string{
		"":                         "tail needs a room",
		"trades:BINANCE":           `"trades:BINANCE" is not a room's name`,
		"tardes:BINANCE:X":         "there is no channel tardes: did you mean trades?",
		"trades:B:X --url http://": "is not an address",
		"trades:B:X --last -1":     "--last cannot be below 0",
		"trades:B:X --levels 0":    "--levels not below 1",
	} {
		if code, out, errs := runs(t, append([]string{"tail"}, strings.Fields(args)...)...); code != flags.WrongFlags || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d, %s%s", args, code, out, errs)
		}
	}
}

func TestNodeURL(t *testing.T) {
	for text, want := range map[string]string{
		"http://h:1": "http://h:1", "h:1": "http://h:1", "https://h/": "https://h", "ws://h:1/v1/stream": "http://h:1",
		"wss://h/under/v1/stream?rooms=x": "https://h/under", "http://h/under/": "http://h/under",
	} {
		if u, err := nodeURL(text); err != nil || u.String() != want {
			t.Errorf("%s is %v (%v), want %s", text, u, err, want)
		}
	}
}

func TestCheckConfig(t *testing.T) {
	r := assemble(t)
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 1, "64000.10"))
	check := func(args ...string) (int, string, string) {
		return runs(t, append([]string{"check-config", "--brokers", r.Addr(), "--warmup", "1m", "--feed"}, args...)...)
	}
	if code, out, errs := check("binance=md"); code != flags.OK || !strings.HasPrefix(out, "ok       settings\n") || !strings.Contains(out, "ok       md: ") || errs != "" {
		t.Errorf("a topic that is right: code %d: %s%s", code, out, errs)
	}
	if code, out, _ := check("binance=md,holes=normal"); code != flags.OK || !strings.Contains(out, "warning  md: holes=normal is set though") {
		t.Errorf("a warning: code %d: %s", code, out)
	}
	if code, out, errs := check("binance=mdd"); code != flags.WrongConfig || !strings.Contains(out, "fault    mdd: ") || errs != "streamer: serving would go wrong: 1 of the findings are faults\n" {
		t.Errorf("no such topic: code %d: %s%s", code, out, errs)
	}
	if code, out, _ := check("binance=md", "--dead-letters", "dead"); code != flags.WrongConfig || !strings.Contains(out, "fault    dead: dead letters would be lost: topic dead does not exist") {
		t.Errorf("no topic for dead letters: code %d: %s", code, out)
	}
	r.publish(t, 1, "BTCUSDT", trade("BTCUSDT", 2, "64000.20"))
	r.publish(t, 0, "BTCUSDT", trade("BTCUSDT", 3, "64000.10"))
	if code, out, _ := check("binance=md"); code != flags.WrongConfig || !strings.Contains(out, "fault    md: records with the key \"BTCUSDT\" come in two partitions at once") {
		t.Errorf("a key in two partitions: code %d: %s", code, out)
	}
	t.Setenv("TAPEDECK_WARMPU", "1h")
	if code, out, _ := runs(t, "check-config", "--offline", "--brokers", "k", "--feed", "binance=md"); code != flags.OK ||
		!strings.Contains(out, "warning  environment: TAPEDECK_WARMPU is not a variable of streamer: did you mean TAPEDECK_WARMUP?\n") {
		t.Errorf("a slip in the environment: code %d: %s", code, out)
	}
	os.Unsetenv("TAPEDECK_WARMPU")
	code, out, errs := runs(t, "check-config", "--brokers", "127.0.0.1:1", "--feed", "binance=md", "--timeout", "20s")
	if code != flags.WrongConfig || out != "ok       settings\n" || !strings.Contains(errs, "cannot look at Kafka: ") {
		t.Errorf("no Kafka: code %d: %s%s", code, out, errs)
	}
}

// The shells that are here read their scripts, and bash completes with its own.
func TestCompletionScripts(t *testing.T) {
	check := map[string][]string{"bash": {"-n"}, "zsh": {"-n"}, "fish": {"--no-execute"}}
	for _, shell := range shells {
		code, script, errs := runs(t, "completion", shell)
		if code != flags.OK || !strings.Contains(script, "--generate-bash-completion") {
			t.Fatalf("%s: code %d, %s", shell, code, errs)
		}
		path, err := exec.LookPath(shell)
		if check[shell] == nil || errors.Is(err, exec.ErrNotFound) {
			t.Logf("%s is not here: its script was not read", shell)
			continue
		}
		cmd := exec.Command(path, check[shell]...)
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
	if code, _, errs := runs(t, "completion", "csh"); code != flags.WrongFlags || !strings.Contains(errs, "bash, zsh, fish, powershell") {
		t.Errorf("csh: code %d, %s", code, errs)
	}
}

func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not here")
	}
	_, script, _ := runs(t, "completion", "bash")
	// A function takes the program's place: it answers as the program would and tells what it was asked.
	script += `
streamer() { asked="$*"; printf '%s\n' "$asked" >&2; printf -- '--levels\n--last\n'; }
COMP_WORDS=(streamer tail --l) COMP_CWORD=2; _streamer 2>/dev/null; echo "${COMPREPLY[@]}"
COMP_WORDS=(streamer tail --le) COMP_CWORD=2; _streamer 2>/dev/null; echo "${COMPREPLY[@]}"
`
	out, err := exec.Command(bash, "-c", script).CombinedOutput()
	if err != nil || string(out) != "--levels --last\n--levels\n" {
		t.Errorf("%v: %s", err, out)
	}
}
