package local

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// maxLine bounds a line: a record's body and a hundred events, in base64.
const maxLine = 16 << 20

// ErrBusy is returned by [Open] while another process has the file.
var ErrBusy = errors.New("another process has the file")

// Journal is a store in one file.
type Journal struct {
	*Memory
	file *os.File
	// failed is why nothing more is written: after a write of which nobody knows
	// how much arrived, what is in memory and what is in the file could differ.
	// It is used under the memory's lock.
	failed error
}

// Open opens the file, or makes it, and makes every change in it again.
func Open(path string) (*Journal, error) {
	j, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the journal %s: %w", path, err)
	}
	return j, nil
}

func open(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the path is the operator's own argument
	if err != nil {
		return nil, err
	}
	j := &Journal{Memory: NewMemory(), file: f}
	if err := j.begin(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	j.keep = j.write
	return j, nil
}

func (j *Journal) begin(path string) error {
	switch err := syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); { //nolint:gosec // descriptors are small numbers
	case errors.Is(err, syscall.EWOULDBLOCK):
		return ErrBusy
	case err != nil:
		return fmt.Errorf("locking it: %w", err)
	}
	whole, err := j.replay()
	if err != nil {
		return err
	}
	if err := j.file.Truncate(whole); err != nil {
		return fmt.Errorf("dropping an unfinished line: %w", err)
	}
	return errors.Join(j.file.Sync(), syncFolder(filepath.Dir(path)))
}

// syncFolder makes sure that the file is found again.
func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // the folder of the operator's own argument
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// replay makes every change of the file again, and returns how much of it is
// whole.
func (j *Journal) replay() (whole int64, err error) {
	in := bufio.NewReaderSize(j.file, 1<<16)
	for number := 1; ; number++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return whole, nil // with half a line, or none
		}
		if err != nil {
			return 0, fmt.Errorf("line %d: %w", number, err)
		}
		o, err := decode(line)
		if err != nil {
			if _, end := in.Peek(1); errors.Is(end, io.EOF) {
				return whole, nil
			}
			return 0, fmt.Errorf("line %d: %w", number, err)
		}
		if err := j.again(o); err != nil {
			return 0, fmt.Errorf("line %d: %w", number, err)
		}
		whole += int64(len(line))
	}
}

// readLine reads a whole line; io.EOF where there is none.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("it is longer than %d bytes", maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return line, err
		}
	}
}

// A line is a checksum, a space and the change in JSON.
const sumLength = 2 * crc32.Size

func encode(o op) ([]byte, error) {
	o.V = opVersion
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding a change: %w", err)
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(body), body), nil
}

func decode(line []byte) (o op, err error) {
	sum, body, found := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	want, hexErr := hex.DecodeString(string(sum))
	if !found || hexErr != nil || len(sum) != sumLength || fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) != hex.EncodeToString(want) {
		return o, errors.New("its checksum is wrong: the file is damaged")
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return o, errors.New("it is no change: the file is damaged")
	}
	return o, nil
}

// write puts a change on the disk.
func (j *Journal) write(o op) error {
	if j.failed != nil {
		return j.failed
	}
	line, err := encode(o)
	if err != nil {
		return err
	}
	if _, err = j.file.Write(line); err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.failed = fmt.Errorf("writing the journal %s: %w; it takes nothing more until it is opened again", j.file.Name(), err)
	}
	return j.failed
}

// Close lets go of the file. Nothing is kept after it.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = fmt.Errorf("the journal %s is closed", j.file.Name())
	}
	return j.file.Close()
}
