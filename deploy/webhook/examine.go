package webhook

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/finding"
	"rekey/internal/rest"
)

// Examine asks for the state of a deployment that nobody started, where the
// configuration names a status address; a target that answers with 404 is well.
// Without one it only connects: any request to the webhook's own address could
// deploy, whatever its method.
func (d *Deployer) Examine(ctx context.Context, environment string) finding.Finding {
	looked := "Deploy target of " + environment
	if d.config.StatusURL == "" {
		return d.connect(ctx, looked)
	}
	to, err := d.resolve(d.statusURL("doctor-0"))
	if err != nil {
		return finding.Bad(looked, "The status address cannot be used.", "Mend deploy.webhook.status_url.")
	}
	var told state
	_, err = d.call(ctx, to, rest.Call{Op: "asking " + d.hook.host + " about a deployment that nobody started", OK: []int{http.StatusOK, http.StatusNotFound}}, &told)
	switch f := fault.Of(err); {
	case err == nil, f.Status == http.StatusNotFound: // a 404 need not be JSON
		return finding.Good(looked, "It answers, and did not refuse the signature.")
	case f.Reason == fault.Unauthorized || f.Reason == fault.Forbidden:
		return finding.Failed(looked, err, "Give both sides the same secret: deploy.webhook.secret here, and the target's own.")
	default:
		return finding.Failed(looked, err, "Look at the target and at the way to it; the address is deploy.webhook.status_url.")
	}
}

// connect opens a connection, secured where the address says so, and asks
// nothing.
func (d *Deployer) connect(ctx context.Context, looked string) finding.Finding {
	ctx, cancel := context.WithTimeout(ctx, d.config.Timeout)
	defer cancel()
	host := d.hook.host
	if !strings.Contains(host[strings.LastIndex(host, "]")+1:], ":") {
		host += map[string]string{"https": ":443", "http": ":80"}[d.hook.scheme]
	}
	var conn net.Conn
	var err error
	if d.hook.scheme == "https" {
		conn, err = (&tls.Dialer{}).DialContext(ctx, "tcp", host)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", host)
	}
	if err != nil {
		return finding.Bad(looked, fmt.Sprintf("No connection to %s could be made.", host), "Look at the target and at the way to it: name, port, certificate.")
	}
	_ = conn.Close()
	return finding.Open(looked, fmt.Sprintf("%s takes connections. Whether it takes the signature shows at the first deployment: asking could start one.", host),
		"Name deploy.webhook.status_url, and the target can be asked without deploying.")
}
