// A camera for tests, put before the C library: who opens the file that WEBCAM names has a V4L2 device of 64×48 BGR
// pictures, 25 a second, for as long as there is such a file. Without it, it is unplugged: every call says ENODEV.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define W 64
#define H 48
#define SIZE (W * H * 3)
#define PAGE 16384 // of a buffer
#define BUFFERS 8

static int camera = -1; // its file descriptor
static unsigned char *pictures;
static int queue[BUFFERS], queued;
static unsigned sequence;

static const char *plug(void) { return getenv("WEBCAM"); }

static int open_camera(void) {
	if (access(plug(), F_OK)) return -1;
	camera = memfd_create("webcam", 0);
	if (camera < 0 || ftruncate(camera, BUFFERS * PAGE)) return -1;
	pictures = mmap(NULL, BUFFERS * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, camera, 0);
	queued = 0;
	return camera;
}

#define OPEN(name)                                                     \
	int name(const char *path, int flags, ...) {                       \
		va_list more;                                                  \
		va_start(more, flags);                                         \
		int mode = va_arg(more, int);                                  \
		va_end(more);                                                  \
		if (plug() && !strcmp(path, plug())) return open_camera();     \
		int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
		return real(path, flags, mode);                                \
	}
OPEN(open)
OPEN(open64)

int close(int fd) {
	int (*real)(int) = dlsym(RTLD_NEXT, "close");
	if (fd >= 0 && fd == camera) {
		munmap(pictures, BUFFERS * PAGE);
		camera = -1;
	}
	return real(fd);
}

static int no(int why) {
	errno = why;
	return -1;
}

static int take(struct v4l2_buffer *b) {
	struct timespec frame = {0, 40 * 1000 * 1000};
	nanosleep(&frame, NULL);
	if (!queued) return no(EAGAIN);
	b->index = queue[0];
	memmove(queue, queue + 1, --queued * sizeof *queue);
	b->sequence = sequence++;
	b->bytesused = b->length = SIZE;
	for (int i = 0; i < SIZE; i++) pictures[b->index * PAGE + i] = (unsigned char)(i * 7 + sequence * 13);
	return 0;
}

static int form(struct v4l2_format *f) {
	f->fmt.pix.width = W;
	f->fmt.pix.height = H;
	f->fmt.pix.pixelformat = V4L2_PIX_FMT_BGR24;
	f->fmt.pix.bytesperline = W * 3;
	f->fmt.pix.sizeimage = SIZE;
	f->fmt.pix.field = V4L2_FIELD_NONE;
	return 0;
}

static int answer(unsigned long request, void *arg) {
	if (access(plug(), F_OK)) return no(ENODEV);
	struct v4l2_capability *c = arg;
	struct v4l2_buffer *b = arg;
	switch (request) {
	case VIDIOC_QUERYCAP:
		c->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
		c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
		return 0;
	case VIDIOC_G_FMT:
	case VIDIOC_S_FMT:
	case VIDIOC_TRY_FMT: return form(arg);
	case VIDIOC_G_INPUT: *(int *)arg = 0; return 0;
	case VIDIOC_S_INPUT: return 0;
	case VIDIOC_REQBUFS: {
		struct v4l2_requestbuffers *r = arg;
		if (r->count > BUFFERS) r->count = BUFFERS;
		queued = 0;
		return 0;
	}
	case VIDIOC_QUERYBUF:
		b->length = SIZE;
		b->m.offset = b->index * PAGE;
		return 0;
	case VIDIOC_QBUF:
		if (queued == BUFFERS) return no(EINVAL);
		queue[queued++] = b->index;
		return 0;
	case VIDIOC_DQBUF: return take(b);
	case VIDIOC_STREAMON: return 0;
	case VIDIOC_STREAMOFF: queued = 0; return 0;
	default: return no(EINVAL);
	}
}

int ioctl(int fd, unsigned long request, ...) {
	va_list more;
	va_start(more, request);
	void *arg = va_arg(more, void *);
	va_end(more);
	if (fd >= 0 && fd == camera) return answer(request, arg);
	int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
	return real(fd, request, arg);
}
