package r2

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// skew is how far a request's time may be off.
const skew = 15 * time.Minute

// object is the endpoint: buckets in the path, requests signed.
func (s *Server) object(w http.ResponseWriter, r *http.Request) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	group := ItemRead
	if r.Method == http.MethodPut {
		group = ItemWrite
	}
	t, code := s.signer(r)
	switch {
	case code != "":
		no(w, code)
	case !t.may(group, Resource(bucket), "com.cloudflare.api.account."+Account):
		no(w, "AccessDenied")
	case !slices.Contains(s.buckets, bucket):
		no(w, "NoSuchBucket")
	case r.Method == http.MethodGet && key == "":
		s.listing(w, bucket)
	case r.Method == http.MethodGet:
		s.get(w, bucket+"/"+key)
	case r.Method == http.MethodPut && key != "":
		s.put(w, r, bucket+"/"+key)
	default:
		no(w, "NotImplemented")
	}
}

// codes are R2's words of refusal and their statuses.
var codes = map[string]int{
	"Unauthorized": http.StatusUnauthorized, "AccessDenied": http.StatusForbidden, "SignatureDoesNotMatch": http.StatusForbidden,
	"RequestTimeTooSkewed": http.StatusForbidden, "NoSuchBucket": http.StatusNotFound, "NoSuchKey": http.StatusNotFound,
	"NotImplemented": http.StatusNotImplemented,
}

func no(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(codes[code])
	_, _ = fmt.Fprintf(w, "%s<Error><Code>%s</Code><Message>%s</Message></Error>", xml.Header, code, code)
}

// signer is the token that signed a request, or R2's word of refusal.
func (s *Server) signer(r *http.Request) (Token, string) {
	id, at, ok := claimed(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := slices.IndexFunc(s.tokens, func(t *Token) bool { return t.ID == id })
	if !ok || found < 0 {
		return Token{}, "Unauthorized"
	}
	switch t := *s.tokens[found]; {
	case t.seen(time.Now(), s.o.Spread) != Active:
		s.refused[id]++
		return Token{}, "Unauthorized"
	case time.Since(at).Abs() > skew:
		return Token{}, "RequestTimeTooSkewed"
	case authorization(r, id, t.Secret(), at) != r.Header.Get("Authorization"):
		return Token{}, "SignatureDoesNotMatch"
	default:
		return t, ""
	}
}

// seen is the token's state as the endpoint knows it.
func (t Token) seen(now time.Time, spread time.Duration) Status {
	if now.Sub(t.changed) < spread {
		return t.before
	}
	return t.State(now)
}

func (s *Server) listing(w http.ResponseWriter, bucket string) {
	var out struct {
		XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name     string
		Contents []struct{ Key string }
	}
	out.Name = bucket
	s.mu.Lock()
	for name := range s.items {
		if key, mine := strings.CutPrefix(name, bucket+"/"); mine && len(out.Contents) == 0 {
			out.Contents = append(out.Contents, struct{ Key string }{key})
		}
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out) // the client may have gone
}

func (s *Server) get(w http.ResponseWriter, name string) {
	s.mu.Lock()
	item, there := s.items[name]
	s.mu.Unlock()
	if !there {
		no(w, "NoSuchKey")
		return
	}
	_, _ = w.Write(item)
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, name string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		no(w, "NotImplemented")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[name] = body
}

// Put keeps an object, as if somebody had uploaded it.
func (s *Server) Put(bucket, key, content string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[bucket+"/"+key] = []byte(content)
}
