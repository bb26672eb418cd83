package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.key = a.newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(name, kind string, der []byte) {
	if err := os.WriteFile(a.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(name string) tls.Certificate {
	key := a.newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, _ := x509.MarshalECPrivateKey(key)
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "EC PRIVATE KEY", keyDER)
	pair, err := tls.LoadX509KeyPair(a.file(name+".pem"), a.file(name+".key"))
	if err != nil {
		a.t.Fatal(err)
	}
	return pair
}

// secured is a topic with one record, read by a security.
func secured(t *testing.T, brokers []string, topic string, s Security) {
	t.Helper()
	c := quickAt(brokers, topic)
	c.Cluster.Security = s
	run(t, c).reaches(topic, 0, 1)
	if _, err := Fetch(t.Context(), c.Cluster, topic, 0, 0); err != nil {
		t.Error(err)
	}
	if got := inspected(t, c); !strings.Contains(got, "records: about 1") {
		t.Error(got)
	}
}

// refusedFor is what a source says it waits for.
func refusedFor(t *testing.T, brokers []string, s Security) string {
	t.Helper()
	c := quickAt(brokers, "a")
	c.Cluster.Security = s
	r := run(t, c)
	eventually(t, "it says why it waits", func() bool { return len(r.reasons()) > 0 })
	return r.reasons()[0]
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	server := a.issue("broker")
	a.issue("reader")
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c := cluster(t, kfake.SeedTopics(1, "a"), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}))
	mine, _ := tls.LoadX509KeyPair(a.file("reader.pem"), a.file("reader.key"))
	w := newWriter(t, c.ListenAddrs(), kgo.DialTLSConfig(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{mine}}))
	w.send("a", 0, "1")
	good := Security{TLS: true, CAFile: a.file("ca.pem"), CertFile: a.file("reader.pem"), KeyFile: a.file("reader.key")}
	secured(t, c.ListenAddrs(), "a", good)

	named, insecure := good, good
	named.ServerName = "broker"
	secured(t, c.ListenAddrs(), "a", named)
	insecure.CAFile, insecure.Insecure = "", true
	secured(t, c.ListenAddrs(), "a", insecure)

	for want, change := range map[string]func(*Security){
		"certificate signed by unknown authority": func(s *Security) { s.CAFile = "" },
		"certificate is valid for broker, not":    func(s *Security) { s.ServerName = "other" },
		"certificate required":                    func(s *Security) { s.CertFile, s.KeyFile = "", "" },
		"TLS is on at one end only":               func(s *Security) { *s = Security{} },
	} {
		bad := good
		change(&bad)
		if got := refusedFor(t, c.ListenAddrs(), bad); !strings.Contains(got, want) {
			t.Errorf("waiting because %q, want %q", got, want)
		}
	}
	plain := cluster(t, kfake.SeedTopics(1, "a"))
	if got := refusedFor(t, plain.ListenAddrs(), Security{TLS: true}); !strings.Contains(got, "TLS with 127.0.0.1") {
		t.Errorf("waiting because %q", got)
	}
}

func TestSASL(t *testing.T) {
	for name, mechanism := range map[string]string{"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"} {
		t.Run(name, func(t *testing.T) {
			const user, password = "us=er,1", "pass word"
			c := cluster(t, kfake.SeedTopics(1, "a"), kfake.EnableSASL(), kfake.Superuser(mechanism, user, password), kfake.Superuser("PLAIN", "w", "w"))
			newWriter(t, c.ListenAddrs(), kgo.SASL(plain.Auth{User: "w", Pass: "w"}.AsMechanism())).send("a", 0, "1")
			secured(t, c.ListenAddrs(), "a", Security{SASL: name, User: user, Password: password})
			if got := refusedFor(t, c.ListenAddrs(), Security{SASL: name, User: user, Password: "no"}); !strings.Contains(got, "does not accept the user and password") {
				t.Errorf("waiting because %q", got)
			}
		})
	}
	c := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "w", "w"))
	if got := refusedFor(t, c.ListenAddrs(), Security{}); !strings.Contains(got, "it may want a user and a password") {
		t.Errorf("waiting because %q", got)
	}
}

// A real Kafka's listeners with a login and with TLS, where TAPEDECK_TEST_KAFKA_SASL, _SSL and _CA say what they are.
func TestKafkaSecurity(t *testing.T) {
	brokers := realBrokers(t)
	topic := newTopic()
	w := newWriter(t, brokers)
	w.create(topic, 1)
	w.send(topic, 0, "1")
	if address := os.Getenv("TAPEDECK_TEST_KAFKA_SASL"); address == "" {
		t.Log("TAPEDECK_TEST_KAFKA_SASL says of no listener with a login")
	} else {
		for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
			as := Security{SASL: mechanism, User: "tapedeck", Password: "secret"}
			secured(t, []string{address}, topic, as)
			as.Password = "no"
			if got := refusedFor(t, []string{address}, as); !strings.Contains(got, "does not accept the user and password") {
				t.Errorf("%s: waiting because %q", mechanism, got)
			}
		}
		c := quickAt([]string{address}, topic)
		c.Cluster.Security = Security{SASL: "plain", User: "stranger", Password: "secret"}
		if got := inspected(t, c); !strings.Contains(got, "may not be read: give our user the rights Read and Describe") {
			t.Error(got)
		}
		if got := refusedFor(t, []string{address}, Security{}); !strings.Contains(got, "it may want a user and a password") {
			t.Errorf("waiting because %q", got)
		}
	}
	if address := os.Getenv("TAPEDECK_TEST_KAFKA_SSL"); address == "" {
		t.Log("TAPEDECK_TEST_KAFKA_SSL says of no listener with TLS")
	} else {
		secured(t, []string{address}, topic, Security{TLS: true, CAFile: os.Getenv("TAPEDECK_TEST_KAFKA_CA")})
		if got := refusedFor(t, []string{address}, Security{}); !strings.Contains(got, "TLS is on at one end only") {
			t.Errorf("waiting because %q", got)
		}
	}
}
