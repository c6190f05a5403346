package r2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// Probe lists each bucket that the key is for. A token made here is alive only
// after Cloudflare, too, has once said yes to its value. A key of which nothing
// is known, such as the old one after a restart, is asked about with every
// bucket, and lives when any answer says so.
func (k *accessKey) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	const op = "probing an access key at R2"
	own, err := k.p.form.read(v)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	k.mu.Lock()
	expected, known := k.expected[own.id]
	k.mu.Unlock()
	if !known {
		return k.p.stranger(ctx, op, own), nil
	}
	var all []providers.Finding
	for _, e := range expected {
		all = append(all, k.p.list(ctx, op, own, e.bucket).finding(e))
	}
	found := together(all)
	if found.Liveness == providers.Alive {
		found = k.verified(ctx, own.id, found)
	}
	return found, nil
}

// together is what several buckets' answers come to. A refusal is of the key
// and not of one bucket, so where answers differ nothing is told.
func together(all []providers.Finding) providers.Finding {
	found := all[0]
	for _, next := range all[1:] {
		if next.Liveness == found.Liveness {
			continue
		}
		if found.Liveness == providers.Alive {
			found.Answer = next.Answer
		}
		found.Liveness = providers.Unclear
	}
	return found
}

// verified asks Cloudflare about the value of a token made here, and leaves the
// finding as it is when that was confirmed.
func (k *accessKey) verified(ctx context.Context, id providers.ID, found providers.Finding) providers.Finding {
	k.mu.Lock()
	value, fresh := k.fresh[id]
	k.mu.Unlock()
	if !fresh {
		return found
	}
	e, err := ask[token](ctx, k.p, rest.Call{Op: "verifying a new token at Cloudflare", Path: "/tokens/verify", Sign: bearer(value)})
	switch {
	case err != nil:
		return providers.Finding{Liveness: providers.Unclear, Answer: "not verified: " + words(fault.Of(err).Reason)}
	case e.Result.Status != active || e.Result.ID != string(id):
		return providers.Finding{Liveness: providers.Unclear, Answer: "not verified: it is another token or not active"}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.fresh, id)
	return found
}

// stranger probes a key that may be any environment's.
func (p *Provider) stranger(ctx context.Context, op string, own pair) providers.Finding {
	var all []providers.Finding
	for _, bucket := range p.everyBucket() {
		next := p.list(ctx, op, own, bucket).finding(expectation{bucket: bucket})
		if next.Liveness == providers.Alive {
			return next
		}
		all = append(all, next)
	}
	return together(all)
}

// reply is what R2 said to a list.
type reply struct {
	status int    // 0 when none came
	listed bool   // a list came
	code   string // R2's own word of refusal, "" when it is none
	err    error  // why there is no usable answer
}

// R2's words of refusal.
const (
	codeUnauthorized = "Unauthorized"
	codeAccessDenied = "AccessDenied"
	codeMismatch     = "SignatureDoesNotMatch"
)

func (r reply) accepted() bool   { return r.listed }
func (r reply) denied() bool     { return r.status == http.StatusForbidden && r.code == codeAccessDenied }
func (r reply) mismatched() bool { return r.status == http.StatusForbidden && r.code == codeMismatch }
func (r reply) refused() bool {
	return r.status == http.StatusUnauthorized && r.code == codeUnauthorized
}

// unclear is the failure of a question whose answer tells nothing.
func (r reply) unclear(op string) error {
	asked := r.status == http.StatusUnauthorized || r.status == http.StatusForbidden // about the key, but by whom?
	if r.err != nil && r.code == "" && !asked {
		return r.err
	}
	return &fault.Error{Op: op, Reason: fault.Garbled, Status: r.status, Detail: "R2's answer tells nothing about the key"}
}

// finding holds an answer against what is expected of a living key.
func (r reply) finding(e expectation) providers.Finding {
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	switch {
	case r.accepted(), r.denied() && !e.lists:
		f.Liveness = providers.Alive
	case r.refused():
		f.Liveness = providers.Refused
	case r.status == 0:
		f.Answer = words(fault.Of(r.err).Reason)
	case r.mismatched():
		f.Answer += ", the id is known and the secret is not its"
	case r.denied():
		f.Answer += ", bucket " + e.bucket + " is not granted"
	case r.err != nil && r.status != http.StatusUnauthorized && r.status != http.StatusForbidden:
		f.Answer += ", " + words(fault.Of(r.err).Reason)
	default:
		f.Answer += ", not R2's own answer"
	}
	return f
}

func words(r fault.Reason) string { return strings.ReplaceAll(string(r), "_", " ") }

// list asks a bucket for one object's name. A HEAD would do with less, but says
// nothing of why it is refused.
func (p *Provider) list(ctx context.Context, op string, own pair, bucket string) reply {
	var body, refusal []byte
	answer, err := p.objects.Do(ctx, rest.Call{
		Op: op, Path: "/" + bucket, Query: url.Values{"list-type": {"2"}, "max-keys": {"1"}},
		Sign: signed(ctx, own), Refusal: &refusal,
	}, &body)
	r := reply{status: answer.Status, err: err}
	var list struct {
		XMLName xml.Name `xml:"ListBucketResult"`
	}
	var no struct {
		XMLName xml.Name `xml:"Error"`
		Code    string   `xml:"Code"`
	}
	switch {
	case err == nil:
		r.listed = xml.Unmarshal(body, &list) == nil
	case len(refusal) > 0 && xml.Unmarshal(refusal, &no) == nil:
		r.code = known(no.Code)
	}
	return r
}

// known is a code that means something here; the rest of a body is nobody's.
func known(code string) string {
	switch code {
	case codeUnauthorized, codeAccessDenied, codeMismatch:
		return code
	}
	return ""
}

// signed signs a request as S3 wants it. No checksum of the body is added:
// there is no body, and stores that speak S3 differ about them.
func signed(ctx context.Context, own pair) func(*http.Request, []byte) {
	return func(r *http.Request, body []byte) {
		sum := sha256.Sum256(body)
		hash := hex.EncodeToString(sum[:])
		r.Header.Set("X-Amz-Content-Sha256", hash)
		keys := aws.Credentials{AccessKeyID: string(own.id), SecretAccessKey: laid(own.secret)}
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		// It fails for a request without a URL, which rest does not make.
		_ = signer.SignHTTP(ctx, keys, r, hash, "s3", "auto", time.Now())
	}
}

// laid opens the secret for the signer, which keeps it for this one signature.
func laid(v secret.Value) string { return v.Reveal() }
