package upstash

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
	"time"
)

// authority signs the certificates of the databases. It lives as long as the
// world.
type authority struct {
	pem  string
	leaf tls.Certificate
}

// newAuthority makes one, and a certificate for the loopback. What it asks for is
// always granted by the standard library; an error would leave a certificate
// that nobody trusts.
func newAuthority() *authority {
	root, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	begins, ends := time.Now().Add(-time.Hour), time.Now().Add(48*time.Hour)
	above := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sandbox authority"}, NotBefore: begins, NotAfter: ends,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	own, _ := x509.CreateCertificate(rand.Reader, above, above, &root.PublicKey, root)
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	below := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "sandbox databases"}, NotBefore: begins, NotAfter: ends,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	signed, _ := x509.CreateCertificate(rand.Reader, below, above, &key.PublicKey, root)
	return &authority{
		pem:  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own})),
		leaf: tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key},
	}
}
