// Package broker runs a Kafka broker in this process: a real server of the protocol on a TCP port, for a
// demo that needs nothing else. It keeps everything in memory, and only so much of it.
package broker

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Config of a Broker. The zero value of each field is its default, which stands beside it.
type Config struct {
	Listen     string // 127.0.0.1:0
	Topic      string // made at the start; none
	Partitions int    // of it: 1

	// The oldest records go while a partition holds more than Bytes. This is looked at every Sweep, and
	// memory is given back a segment at a time.
	Bytes int64         // 16 MiB
	Sweep time.Duration // 10 s
}

func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Partitions == 0 {
		c.Partitions = 1
	}
	if c.Bytes == 0 {
		c.Bytes = 16 << 20
	}
	if c.Sweep == 0 {
		c.Sweep = 10 * time.Second
	}
	return c
}

// segments of a partition: what is removed but not yet given back is at most one of them.
const segments = 16

// Broker is one running broker.
type Broker struct {
	cluster *kfake.Cluster
	door    *door
}

// New starts a broker. Close ends it.
func New(c Config) (*Broker, error) {
	c = c.withDefaults()
	host, text, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("broker: %q is not HOST:PORT", c.Listen)
	}
	if host == "" {
		return nil, fmt.Errorf("broker: %q has no host: clients are told to connect to it, so 127.0.0.1 or one that they reach", c.Listen)
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return nil, fmt.Errorf("broker: %q is no port: 0 stands for any that is free", text)
	}
	b := &Broker{door: &door{host: host}}
	b.cluster, err = kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.Ports(port),
		kfake.ListenFn(b.door.listen),
		kfake.ClusterID("tapedeck-demo"),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": strconv.FormatInt(c.Sweep.Milliseconds(), 10)}),
	)
	if err != nil {
		return nil, fmt.Errorf("broker: cannot listen on %s: %w", c.Listen, err)
	}
	if c.Topic == "" {
		return b, nil
	}
	err = b.cluster.CreateTopic(c.Topic, int32(c.Partitions), map[string]string{
		"cleanup.policy":  "delete",
		"retention.bytes": strconv.FormatInt(c.Bytes, 10),
		"segment.bytes":   strconv.FormatInt(max(c.Bytes/segments, 64<<10), 10),
	})
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("broker: topic %s: %w", c.Topic, err)
	}
	return b, nil
}

// Addr is where clients connect.
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// Close ends the broker and waits until it has let go of every connection.
func (b *Broker) Close() {
	b.cluster.Close()
	b.door.inside.Wait()
}

// door is the broker's way in. It counts who is inside, so that closing can wait for them: the cluster
// itself does not.
type door struct {
	host   string
	inside sync.WaitGroup // the listener too, so that nobody comes in who is not waited for
}

// listen is net.Listen on our host: the cluster knows only the port.
func (d *door) listen(network, address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen(network, net.JoinHostPort(d.host, port))
	if err != nil {
		return nil, err
	}
	d.inside.Add(1)
	return &entrance{Listener: l, inside: &d.inside}, nil
}

type entrance struct {
	net.Listener
	inside *sync.WaitGroup
	shut   sync.Once
}

// Accept implements net.Listener. Its first error is its last call.
func (e *entrance) Accept() (net.Conn, error) {
	conn, err := e.Listener.Accept()
	if err != nil {
		e.shut.Do(e.inside.Done)
		return nil, err
	}
	e.inside.Add(1)
	return &visitor{Conn: conn, inside: e.inside}, nil
}

// visitor is one connection, until the cluster closes it.
type visitor struct {
	net.Conn
	inside *sync.WaitGroup
	out    sync.Once
}

// Close implements net.Conn.
func (v *visitor) Close() error {
	err := v.Conn.Close()
	v.out.Do(v.inside.Done)
	return err
}
