package kafka

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
)

// Cluster says where a Kafka is and how one connects to it.
type Cluster struct {
	Brokers  []string // host:port; any of them is enough to find the others
	Security Security
	ClientID string // tapedeck
}

// Security is how a connection is kept safe. The zero value is plain text without a user.
type Security struct {
	TLS        bool
	CAFile     string // whose certificates are believed; "": the system's
	CertFile   string // our own, where the brokers ask for one
	KeyFile    string
	ServerName string // the name on the brokers' certificates; "": the one that was dialled
	Insecure   bool   // believe any certificate

	SASL     string // "", plain, scram-sha-256, scram-sha-512
	User     string
	Password string
}

// Client returns a client that finds each partition's leader by itself. It keeps connections and
// goroutines until its transport's CloseIdleConnections is called.
func (c Cluster) Client() (*kafka.Client, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	t, err := c.Transport()
	if err != nil {
		return nil, err
	}
	return &kafka.Client{Addr: kafka.TCP(c.Brokers...), Transport: t}, nil
}

func (c Cluster) check() error {
	if len(c.Brokers) == 0 {
		return errors.New("no broker is named: give at least one as host:port")
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return fmt.Errorf("broker %q is not host:port, as in kafka:9092", b)
		}
	}
	return nil
}

// Transport returns the connections' settings alone, for a kafka.Writer.
func (c Cluster) Transport() (*kafka.Transport, error) {
	t := &kafka.Transport{ClientID: cmp.Or(c.ClientID, "tapedeck"), DialTimeout: 5 * time.Second}
	var err error
	if t.TLS, err = c.Security.tls(); err != nil {
		return nil, err
	}
	if t.SASL, err = c.Security.sasl(); err != nil {
		return nil, err
	}
	return t, nil
}

// tls returns the settings for TLS, nil where it is off.
func (s Security) tls() (*tls.Config, error) {
	if !s.TLS {
		if s.CAFile != "" || s.CertFile != "" || s.KeyFile != "" || s.ServerName != "" || s.Insecure {
			return nil, errors.New("certificates are set but TLS is off: turn it on")
		}
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName, InsecureSkipVerify: s.Insecure}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("the CA's certificates: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", s.CAFile)
		}
	}
	if (s.CertFile == "") != (s.KeyFile == "") {
		return nil, errors.New("a client certificate needs both its file and its key's")
	}
	if s.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("the client's certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// sasl returns how to log in, nil where nobody asks.
func (s Security) sasl() (sasl.Mechanism, error) {
	if s.SASL == "" {
		if s.User != "" || s.Password != "" {
			return nil, errors.New("a user is set but no SASL mechanism: name plain, scram-sha-256 or scram-sha-512")
		}
		return nil, nil
	}
	if s.User == "" {
		return nil, errors.New("SASL needs a user and a password")
	}
	switch s.SASL {
	case "plain":
		return plain.Mechanism{Username: s.User, Password: s.Password}, nil
	case "scram-sha-256":
		return scram256(s.User, s.Password), nil
	case "scram-sha-512":
		return scram512(s.User, s.Password), nil
	}
	return nil, fmt.Errorf("SASL mechanism %q is not known: use plain, scram-sha-256 or scram-sha-512", s.SASL)
}
