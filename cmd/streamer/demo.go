package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/broker"
	"tapedeck/cmd/streamer/market"
	"tapedeck/feed"
	"tapedeck/feed/kafka"
	"tapedeck/feed/tape"
	"tapedeck/feed/venue"
	"tapedeck/server"
	"tapedeck/server/page"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "show it all on a simulated market: needs nothing else",
		Description: "Starts a Kafka broker in this process, publishes a simulated market into it in Binance's raw format, and\n" +
			"serves it as serve would, with the first page. Nothing is kept when it ends.\n\n" +
			"Examples:\n\n" +
			"  streamer demo\n" +
			"  # a busier market, on a port of your own\n" +
			"  streamer demo --rate 10 --listen :8081",
		Flags: append(append([]cli.Flag{
			&cli.StringFlag{Name: "listen", Value: demoListen, Usage: "serve clients at this `HOST:PORT`; the next free port is taken unless you choose one"},
			&cli.StringFlag{Name: "admin", Value: "127.0.0.1:0", Usage: "serve metrics at this `HOST:PORT`, or off"},
			&cli.StringFlag{Name: "broker", Value: "127.0.0.1:0", Usage: "let the broker listen at this `HOST:PORT`, for your own Kafka tools"},
		}, marketFlags()...), quietLog()...),
		Action: func(c *cli.Context) error {
			if err := flags.NoArguments(c); err != nil {
				return err
			}
			d, err := newDemo(c)
			if err != nil {
				return err
			}
			return d.run(c.Context)
		},
	}
}

// quietLog are the flags of a log that tells of trouble only, so that what is to be pasted stays in sight.
func quietLog() []cli.Flag {
	list := flags.Log()
	for _, f := range list {
		if f, ok := f.(*cli.StringFlag); ok && f.Name == "log-level" {
			f.Value = "warn"
		}
	}
	return list
}

const (
	demoListen = "127.0.0.1:8080"
	// demoPorts is how many ports are tried where none was chosen.
	demoPorts = 20
	// demoPast is how much of the market lies in the topic when the streamer starts: charts have something
	// to show, and it is sent and read within half a second.
	demoPast = time.Hour
	// demoTape is how many bytes of each partition are kept to be replayed: some hours.
	demoTape = 32 << 20
	// demoPartitions let readers work side by side, as in a real cluster.
	demoPartitions = 4
)

// demo is a broker, a market, a streamer and its page in one process.
type demo struct {
	market  market.Options
	past    time.Duration // see demoPast
	listen  []string      // addresses, of which the first free one is taken
	admin   string
	broker  string
	log     *slog.Logger
	started func(demoAddresses) // called once clients are served
}

// demoAddresses say where a demo can be reached.
type demoAddresses struct {
	Clients, Admin, Broker string // HOST:PORT; Admin "" if there is none
	Pairs                  []string
	Gaps                   time.Duration
}

func newDemo(c *cli.Context) (*demo, error) {
	options, err := marketOptions(c)
	if err != nil {
		return nil, err
	}
	log, err := flags.Logger(c)
	if err != nil {
		return nil, err
	}
	d := &demo{market: options, past: demoPast, listen: []string{c.String("listen")}, admin: c.String("admin"), broker: c.String("broker"), log: log}
	if !c.IsSet("listen") {
		d.listen = following(demoListen, demoPorts)
	}
	d.started = func(a demoAddresses) { welcome(c.App.Writer, a, flags.Terminal(c.App.Writer) && flags.Colour()) }
	return d, nil
}

// following lists an address and those at the n-1 ports after it.
func following(address string, n int) (list []string) {
	host, port, _ := net.SplitHostPort(address)
	first, _ := net.LookupPort("tcp", port)
	for i := range n {
		list = append(list, net.JoinHostPort(host, fmt.Sprint(first+i)))
	}
	return list
}

// run shows the demo until ctx ends.
func (d *demo) run(ctx context.Context) error {
	b, err := broker.New(broker.Config{Listen: d.broker, Topic: simulatedTopic, Partitions: demoPartitions})
	if err != nil {
		return err
	}
	defer b.Close()
	cluster := kafka.Cluster{Brokers: []string{b.Addr()}, ClientID: "tapedeck-demo"}
	now := time.Now()
	d.market.Past, d.market.Start = d.past, now.Add(-d.past)
	m, err := market.New(d.market)
	if err != nil {
		return err
	}
	p, err := newPlayer(cluster, simulatedTopic, m, d.log)
	if err != nil {
		return err
	}
	defer p.close()
	s, err := d.server(cluster)
	if err != nil {
		return refused(err)
	}
	if err := p.publish(ctx, now); err != nil { // the past, before anybody is served
		s.Close()
		return nil // told to stop
	}
	playing, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { p.run(playing) })
	work.Go(func() {
		if s.await(playing) && d.started != nil {
			d.started(s.addresses(b, m, d.market.Gaps))
		}
	})
	err = s.Run(ctx)
	stop()
	work.Wait()
	return err
}

// demoServer is the streamer of a demo.
type demoServer struct{ *server.Server }

// server makes the streamer, on the first address that is free.
func (d *demo) server(cluster kafka.Cluster) (demoServer, error) {
	format, ok := venue.Lookup("binance")
	if !ok {
		return demoServer{}, errors.New("this build has no decoder for Binance")
	}
	source, err := kafka.New(kafka.Config{
		Cluster: cluster, Topics: []kafka.Topic{{Name: simulatedTopic, Format: format}}, Warmup: 2 * d.past, Log: d.log,
	})
	if err != nil {
		return demoServer{}, err
	}
	past := tape.New(demoTape)
	var s *server.Server
	for _, address := range d.listen {
		s, err = server.New(server.Config{
			Node: "demo", Listen: address, Admin: d.admin, Log: d.log, Page: page.Handler(), Source: past.Record(source),
			Archive: past, Formats: venue.Lookup,
			Feeds:     map[string]server.Feed{simulatedTopic: {Format: format, Options: feed.DefaultOptions()}},
			DrainWait: -1, DrainSpread: time.Second, // there is no other node to go to
		})
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return demoServer{s}, err
}

// await waits until the node is ready; false if ctx ends before.
func (s demoServer) await(ctx context.Context) bool {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(s.Addr())+"/readyz", nil)
		if err != nil {
			return false
		}
		if answer, err := client.Do(req); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s demoServer) addresses(b *broker.Broker, m *market.Market, gaps time.Duration) demoAddresses {
	a := demoAddresses{Clients: reachable(s.Addr()), Broker: b.Addr(), Pairs: m.Pairs(), Gaps: gaps}
	if s.AdminAddr() != nil {
		a.Admin = reachable(s.AdminAddr())
	}
	return a
}

// program is how this program was called, for lines to paste.
func program() string {
	if strings.Contains(os.Args[0], "go-build") { // go run's own name for it is gone afterwards
		return "go run ./cmd/streamer"
	}
	return os.Args[0]
}

// welcome says where everything is, in lines to paste.
func welcome(w io.Writer, a demoAddresses, colour bool) {
	bold, dim, link, plain := "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m"
	if !colour {
		bold, dim, link, plain = "", "", "", ""
	}
	trades, book := "trades:BINANCE:"+a.Pairs[0], "book:BINANCE:"+a.Pairs[0]
	tail := program() + " tail " + trades + " " + book
	if a.Clients != demoListen {
		tail += " --url http://" + a.Clients
	}
	var b strings.Builder
	line := func(name, text string) { fmt.Fprintf(&b, "  %s%-10s%s%s\n", dim, name, plain, text) }
	fmt.Fprintf(&b, "\n  %sTapedeck%s  %d simulated symbols, in Binance's raw format, through a Kafka broker in this process\n\n", bold, plain, len(a.Pairs))
	line("page", link+"http://"+a.Clients+"/"+plain)
	b.WriteByte('\n')
	line("socket", fmt.Sprintf("npx wscat -c 'ws://%s/v1/stream?rooms=%s,%s@5&interval=1s'", a.Clients, trades, book))
	line("events", fmt.Sprintf("curl -N 'http://%s/v1/events?rooms=%s'", a.Clients, trades))
	line("snapshot", fmt.Sprintf("curl 'http://%s/v1/snapshot/%s@5'", a.Clients, book))
	line("terminal", tail)
	line("replay", fmt.Sprintf("npx wscat -c 'ws://%s/v1/replay?from=%s&to=live&speed=20&rooms=%s'", a.Clients, time.Now().Add(-5*time.Minute).UTC().Format(time.RFC3339), trades))
	if a.Admin != "" {
		line("metrics", fmt.Sprintf("curl http://%s/metrics", a.Admin))
	}
	line("kafka", fmt.Sprintf("%s, topic %s", a.Broker, simulatedTopic))
	b.WriteByte('\n')
	if a.Gaps > 0 {
		fmt.Fprintf(&b, "  %sAbout every %v a message of the venue is lost on purpose: that book goes stale and recovers.%s\n", dim, a.Gaps, plain)
	}
	fmt.Fprintf(&b, "  %sCtrl-C ends it.%s\n\n", dim, plain)
	fmt.Fprint(w, b.String())
}
