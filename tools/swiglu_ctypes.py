"""The part of include/swiglu/swiglu.h that bench_pytorch.py calls, for ctypes: structs field by field as the header has
them, and calls that raise what swiglu_last_error() says. A test holds every size and offset against the header's.

Knows nothing of PyTorch; pointers are plain integers.
"""
import ctypes
import pathlib

DTYPES = {"bf16": 1, "f16": 2, "f32": 3, "f64": 4}
LAYOUTS = {"kn": 1, "nk": 2}
ACCUM_F32 = 1
PASS_FORWARD, PASS_FORWARD_STORE, PASS_BACKWARD, PASS_BACKWARD_RECOMPUTE = 1, 2, 4, 8
DEVICE_CPU = -1


class Sized(ctypes.Structure):
    """Every struct of the API begins with its size."""

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(type(self)), **fields)


class PlanDesc(Sized):
    C_NAME = "swiglu_plan_desc"
    _fields_ = [("struct_size", ctypes.c_size_t)] + [
        (name, ctypes.c_int) for name in ("dtype", "out_dtype", "accum", "weight_layout", "activation")
    ] + [("passes", ctypes.c_uint32)] + [
        (name, ctypes.c_int64) for name in ("d_model", "d_intermediate", "ld_x", "ld_w_gate", "ld_w_up", "ld_out", "ld_g", "ld_u")
    ] + [("device", ctypes.c_int32), ("tuning", ctypes.c_int), ("options", ctypes.c_uint32), ("tuning_seconds", ctypes.c_float)] + [
        (name, ctypes.c_int64) for name in ("ld_dout", "ld_dx", "ld_dw_gate", "ld_dw_up")
    ] + [("dw_dtype", ctypes.c_int), ("reserved", ctypes.c_uint32)]


class ForwardArgs(Sized):
    C_NAME = "swiglu_forward_args"
    _fields_ = [("struct_size", ctypes.c_size_t), ("m", ctypes.c_int64)] + [
        (name, ctypes.c_void_p) for name in ("x", "w_gate", "w_up", "out", "g", "u", "workspace")
    ] + [("workspace_size", ctypes.c_size_t)]


class BackwardArgs(Sized):
    C_NAME = "swiglu_backward_args"
    _fields_ = [("struct_size", ctypes.c_size_t), ("m", ctypes.c_int64)] + [
        (name, ctypes.c_void_p) for name in ("dout", "x", "w_gate", "w_up", "g", "u", "dx", "dw_gate", "dw_up")
    ] + [("dw_beta", ctypes.c_int32), ("workspace", ctypes.c_void_p), ("workspace_size", ctypes.c_size_t)]


STRUCTS = (PlanDesc, ForwardArgs, BackwardArgs)


class SwigluError(RuntimeError):
    pass


def default_library():
    """What this repository's release build makes; else whatever the loader finds."""
    built = pathlib.Path(__file__).resolve().parent.parent / "build" / "release" / "libswiglu.so"
    return str(built) if built.exists() else "libswiglu.so.0"


class Library:
    """libswiglu.so. Thread-safe as the API is."""

    def __init__(self, path):
        try:
            self.c = ctypes.CDLL(path)
        except OSError as error:
            raise SwigluError(f"libswiglu could not be loaded from {path}: {error}; build it, or name it with --library")
        pointer = ctypes.c_void_p
        self.c.swiglu_plan_create.argtypes = [ctypes.POINTER(pointer), ctypes.POINTER(PlanDesc)]
        self.c.swiglu_plan_destroy.argtypes = [pointer]
        self.c.swiglu_plan_destroy.restype = None
        self.c.swiglu_plan_prepare.argtypes = [pointer, ctypes.c_int64]
        self.c.swiglu_plan_workspace_size.argtypes = [pointer, ctypes.c_uint32, ctypes.c_int64, ctypes.POINTER(ctypes.c_size_t)]
        self.c.swiglu_execute.argtypes = [pointer, ctypes.POINTER(ForwardArgs), pointer]
        self.c.swiglu_execute_backward.argtypes = [pointer, ctypes.POINTER(BackwardArgs), pointer]
        self.c.swiglu_last_error.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)]
        self.c.swiglu_status_name.argtypes = [ctypes.c_int]
        self.c.swiglu_status_name.restype = ctypes.c_char_p

    def check(self, status):
        if status != 0:
            message = ctypes.create_string_buffer(16384)
            self.c.swiglu_last_error(message, len(message), None)
            raise SwigluError(f"{self.c.swiglu_status_name(status).decode()}: {message.value.decode(errors='replace')}")


class Plan:
    def __init__(self, library, **fields):
        self.library = library
        self.handle = ctypes.c_void_p()
        desc = PlanDesc(**fields)
        library.check(library.c.swiglu_plan_create(ctypes.byref(self.handle), ctypes.byref(desc)))

    def close(self):
        self.library.c.swiglu_plan_destroy(self.handle)
        self.handle = ctypes.c_void_p()

    def prepare(self, m):
        self.library.check(self.library.c.swiglu_plan_prepare(self.handle, m))

    def workspace_size(self, which, m):
        size = ctypes.c_size_t()
        self.library.check(self.library.c.swiglu_plan_workspace_size(self.handle, which, m, ctypes.byref(size)))
        return size.value

    def execute(self, args, stream=None):
        self.library.check(self.library.c.swiglu_execute(self.handle, ctypes.byref(args), stream))

    def execute_backward(self, args, stream=None):
        self.library.check(self.library.c.swiglu_execute_backward(self.handle, ctypes.byref(args), stream))
