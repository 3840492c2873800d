/* hello: the program of the quickstart image. It has no libc and no start files: system calls by hand, a few KB in all,
 * so that the image holds nothing but what its packages say. It prints where and as whom it runs.
 * Built by build-hello.sh for x86_64 and aarch64. */

typedef unsigned long word;

#if defined(__x86_64__)
enum { SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_uname = 63, SYS_getuid = 102, SYS_getgid = 104, SYS_exit = 60,
       SYS_openat = 257, SYS_faccessat = 269 };

static long call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}

/* The kernel leaves argc on the stack, aligned to 16 bytes; the call pushes what the ABI expects. */
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  call run\n");

#elif defined(__aarch64__)
enum { SYS_faccessat = 48, SYS_openat = 56, SYS_close = 57, SYS_read = 63, SYS_write = 64, SYS_exit = 93, SYS_uname = 160,
       SYS_getuid = 174, SYS_getgid = 176 };

static long call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}

__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl run\n");

#else
#error "hello knows x86_64 and aarch64"
#endif

enum { AT_FDCWD = -100, STDOUT = 1, UNAME_FIELD = 65 };

/* All output is gathered here and written at once. */
static char out[4096];
static word out_length;

static void put(const char *text) {
  while (*text != 0 && out_length < sizeof out) out[out_length++] = *text++;
}

static void put_number(word number) {
  char digits[24];
  int at = sizeof digits - 1;
  digits[at] = 0;
  do digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  put(digits + at);
}

/* The whole of a small file as text; an empty text where it cannot be read. */
static const char *contents(const char *path, char *buffer, word size) {
  long length = 0;
  long fd = call(SYS_openat, AT_FDCWD, (long)path, 0, 0);
  if (fd >= 0) {
    length = call(SYS_read, fd, (long)buffer, (long)size - 1, 0);
    call(SYS_close, fd, 0, 0, 0);
  }
  buffer[length > 0 ? length : 0] = 0;
  return buffer;
}

/* Puts the value of `key="value"` of an os-release text. */
static void put_value(const char *text, const char *key) {
  for (const char *line = text; *line != 0;) {
    const char *k = key, *l = line;
    while (*k != 0 && *k == *l) k++, l++;
    if (*k == 0 && *l == '=') {
      for (l++; *l != 0 && *l != '\n'; l++)
        if (*l != '"' && out_length < sizeof out) out[out_length++] = *l;
      return;
    }
    while (*line != 0 && *line != '\n') line++;
    if (*line == '\n') line++;
  }
  put("an unknown system");
}

__attribute__((noreturn, used)) void run(const word *stack) {
  static char buffer[1024];
  static char names[6 * UNAME_FIELD];
  word arguments = stack[0];

  const char *greeting = contents("/usr/share/greeting", buffer, sizeof buffer);
  put(*greeting != 0 ? greeting : "Hello.\n");

  put("  system   ");
  put_value(contents("/etc/os-release", buffer, sizeof buffer), "PRETTY_NAME");
  put(" on ");
  put(call(SYS_uname, (long)names, 0, 0, 0) == 0 ? names + 4 * UNAME_FIELD : "an unknown machine");
  put("\n  user     uid ");
  put_number((word)call(SYS_getuid, 0, 0, 0, 0));
  put(", gid ");
  put_number((word)call(SYS_getgid, 0, 0, 0, 0));
  put("\n  shell    ");
  put(call(SYS_faccessat, AT_FDCWD, (long)"/bin/sh", 0, 0) == 0 ? "/bin/sh" : "none in this image");
  put("\n");
  for (word i = 1; i < arguments; i++) {
    put("  argument ");
    put((const char *)stack[1 + i]);
    put("\n");
  }

  long written = call(SYS_write, STDOUT, (long)out, (long)out_length, 0);
  call(SYS_exit, written == (long)out_length ? 0 : 1, 0, 0, 0);
  __builtin_unreachable();
}
