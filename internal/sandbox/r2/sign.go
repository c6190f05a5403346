package r2

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The scheme, as https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
// has it.
const (
	algorithm  = "AWS4-HMAC-SHA256"
	stampForm  = "20060102T150405Z"
	dayForm    = "20060102"
	scopeAfter = "/auto/s3/aws4_request"
	bodyHeader = "X-Amz-Content-Sha256"
	timeHeader = "X-Amz-Date"
)

// Sign signs a request without a body for the endpoint, as a client does.
func Sign(r *http.Request, id, secret string, now time.Time) {
	r.Header.Set(timeHeader, now.UTC().Format(stampForm))
	r.Header.Set(bodyHeader, digest(""))
	r.Header.Set("Authorization", algorithm+" Credential="+id+"/"+now.UTC().Format(dayForm)+scopeAfter+", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=")
	r.Header.Set("Authorization", authorization(r, id, secret, now))
}

// claimed reads who signed a request, and when.
func claimed(r *http.Request) (id string, at time.Time, ok bool) {
	scope, found := strings.CutPrefix(r.Header.Get("Authorization"), algorithm+" Credential=")
	id, _, slash := strings.Cut(scope, "/")
	at, err := time.Parse(stampForm, r.Header.Get(timeHeader))
	return id, at, found && slash && err == nil
}

// authorization is the header that a request should bear, for the headers that
// it names as signed.
func authorization(r *http.Request, id, secret string, at time.Time) string {
	_, named, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	named, _, _ = strings.Cut(named, ",")
	day := at.UTC().Format(dayForm)
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(day+scopeAfter, "/") {
		key = keyed(key, part)
	}
	text := algorithm + "\n" + at.UTC().Format(stampForm) + "\n" + day + scopeAfter + "\n" + digest(canonical(r, named))
	return algorithm + " Credential=" + id + "/" + day + scopeAfter + ", SignedHeaders=" + named + ", Signature=" + hex.EncodeToString(keyed(key, text))
}

// canonical is the request in the form that is signed.
func canonical(r *http.Request, named string) string {
	lines := []string{r.Method, r.URL.EscapedPath(), strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20")}
	for name := range strings.SplitSeq(named, ";") {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			if value = r.Host; value == "" {
				value = r.URL.Host
			}
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		lines = append(lines, name+":"+strings.TrimSpace(value))
	}
	return strings.Join(append(lines, "", named, r.Header.Get(bodyHeader)), "\n")
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}
