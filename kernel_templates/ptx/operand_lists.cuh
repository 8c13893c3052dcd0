// Operand lists of asm statements with many registers, by their count: SWIGLU_LIST_n is the text "%0, %1, ..." of n
// operands, SWIGLU_OPERANDS_n(constraint) the operands d[0], d[1], ... themselves.
#pragma once

// NOLINTBEGIN(cppcoreguidelines-macro-usage): asm statements take their operands one by one.
// clang-format off
#define SWIGLU_LIST_4 "%0, %1, %2, %3"
#define SWIGLU_LIST_8 SWIGLU_LIST_4 ", %4, %5, %6, %7"
#define SWIGLU_LIST_12 SWIGLU_LIST_8 ", %8, %9, %10, %11"
#define SWIGLU_LIST_16 SWIGLU_LIST_12 ", %12, %13, %14, %15"
#define SWIGLU_LIST_20 SWIGLU_LIST_16 ", %16, %17, %18, %19"
#define SWIGLU_LIST_24 SWIGLU_LIST_20 ", %20, %21, %22, %23"
#define SWIGLU_LIST_28 SWIGLU_LIST_24 ", %24, %25, %26, %27"
#define SWIGLU_LIST_32 SWIGLU_LIST_28 ", %28, %29, %30, %31"
#define SWIGLU_LIST_36 SWIGLU_LIST_32 ", %32, %33, %34, %35"
#define SWIGLU_LIST_40 SWIGLU_LIST_36 ", %36, %37, %38, %39"
#define SWIGLU_LIST_44 SWIGLU_LIST_40 ", %40, %41, %42, %43"
#define SWIGLU_LIST_48 SWIGLU_LIST_44 ", %44, %45, %46, %47"
#define SWIGLU_LIST_52 SWIGLU_LIST_48 ", %48, %49, %50, %51"
#define SWIGLU_LIST_56 SWIGLU_LIST_52 ", %52, %53, %54, %55"
#define SWIGLU_LIST_60 SWIGLU_LIST_56 ", %56, %57, %58, %59"
#define SWIGLU_LIST_64 SWIGLU_LIST_60 ", %60, %61, %62, %63"
#define SWIGLU_LIST_68 SWIGLU_LIST_64 ", %64, %65, %66, %67"
#define SWIGLU_LIST_72 SWIGLU_LIST_68 ", %68, %69, %70, %71"
#define SWIGLU_LIST_76 SWIGLU_LIST_72 ", %72, %73, %74, %75"
#define SWIGLU_LIST_80 SWIGLU_LIST_76 ", %76, %77, %78, %79"
#define SWIGLU_LIST_84 SWIGLU_LIST_80 ", %80, %81, %82, %83"
#define SWIGLU_LIST_88 SWIGLU_LIST_84 ", %84, %85, %86, %87"
#define SWIGLU_LIST_92 SWIGLU_LIST_88 ", %88, %89, %90, %91"
#define SWIGLU_LIST_96 SWIGLU_LIST_92 ", %92, %93, %94, %95"
#define SWIGLU_LIST_100 SWIGLU_LIST_96 ", %96, %97, %98, %99"
#define SWIGLU_LIST_104 SWIGLU_LIST_100 ", %100, %101, %102, %103"
#define SWIGLU_LIST_108 SWIGLU_LIST_104 ", %104, %105, %106, %107"
#define SWIGLU_LIST_112 SWIGLU_LIST_108 ", %108, %109, %110, %111"
#define SWIGLU_LIST_116 SWIGLU_LIST_112 ", %112, %113, %114, %115"
#define SWIGLU_LIST_120 SWIGLU_LIST_116 ", %116, %117, %118, %119"
#define SWIGLU_LIST_124 SWIGLU_LIST_120 ", %120, %121, %122, %123"
#define SWIGLU_LIST_128 SWIGLU_LIST_124 ", %124, %125, %126, %127"

#define SWIGLU_OPERANDS_4(c) c(d[0]), c(d[1]), c(d[2]), c(d[3])
#define SWIGLU_OPERANDS_8(c) SWIGLU_OPERANDS_4(c), c(d[4]), c(d[5]), c(d[6]), c(d[7])
#define SWIGLU_OPERANDS_12(c) SWIGLU_OPERANDS_8(c), c(d[8]), c(d[9]), c(d[10]), c(d[11])
#define SWIGLU_OPERANDS_16(c) SWIGLU_OPERANDS_12(c), c(d[12]), c(d[13]), c(d[14]), c(d[15])
#define SWIGLU_OPERANDS_20(c) SWIGLU_OPERANDS_16(c), c(d[16]), c(d[17]), c(d[18]), c(d[19])
#define SWIGLU_OPERANDS_24(c) SWIGLU_OPERANDS_20(c), c(d[20]), c(d[21]), c(d[22]), c(d[23])
#define SWIGLU_OPERANDS_28(c) SWIGLU_OPERANDS_24(c), c(d[24]), c(d[25]), c(d[26]), c(d[27])
#define SWIGLU_OPERANDS_32(c) SWIGLU_OPERANDS_28(c), c(d[28]), c(d[29]), c(d[30]), c(d[31])
#define SWIGLU_OPERANDS_36(c) SWIGLU_OPERANDS_32(c), c(d[32]), c(d[33]), c(d[34]), c(d[35])
#define SWIGLU_OPERANDS_40(c) SWIGLU_OPERANDS_36(c), c(d[36]), c(d[37]), c(d[38]), c(d[39])
#define SWIGLU_OPERANDS_44(c) SWIGLU_OPERANDS_40(c), c(d[40]), c(d[41]), c(d[42]), c(d[43])
#define SWIGLU_OPERANDS_48(c) SWIGLU_OPERANDS_44(c), c(d[44]), c(d[45]), c(d[46]), c(d[47])
#define SWIGLU_OPERANDS_52(c) SWIGLU_OPERANDS_48(c), c(d[48]), c(d[49]), c(d[50]), c(d[51])
#define SWIGLU_OPERANDS_56(c) SWIGLU_OPERANDS_52(c), c(d[52]), c(d[53]), c(d[54]), c(d[55])
#define SWIGLU_OPERANDS_60(c) SWIGLU_OPERANDS_56(c), c(d[56]), c(d[57]), c(d[58]), c(d[59])
#define SWIGLU_OPERANDS_64(c) SWIGLU_OPERANDS_60(c), c(d[60]), c(d[61]), c(d[62]), c(d[63])
#define SWIGLU_OPERANDS_68(c) SWIGLU_OPERANDS_64(c), c(d[64]), c(d[65]), c(d[66]), c(d[67])
#define SWIGLU_OPERANDS_72(c) SWIGLU_OPERANDS_68(c), c(d[68]), c(d[69]), c(d[70]), c(d[71])
#define SWIGLU_OPERANDS_76(c) SWIGLU_OPERANDS_72(c), c(d[72]), c(d[73]), c(d[74]), c(d[75])
#define SWIGLU_OPERANDS_80(c) SWIGLU_OPERANDS_76(c), c(d[76]), c(d[77]), c(d[78]), c(d[79])
#define SWIGLU_OPERANDS_84(c) SWIGLU_OPERANDS_80(c), c(d[80]), c(d[81]), c(d[82]), c(d[83])
#define SWIGLU_OPERANDS_88(c) SWIGLU_OPERANDS_84(c), c(d[84]), c(d[85]), c(d[86]), c(d[87])
#define SWIGLU_OPERANDS_92(c) SWIGLU_OPERANDS_88(c), c(d[88]), c(d[89]), c(d[90]), c(d[91])
#define SWIGLU_OPERANDS_96(c) SWIGLU_OPERANDS_92(c), c(d[92]), c(d[93]), c(d[94]), c(d[95])
#define SWIGLU_OPERANDS_100(c) SWIGLU_OPERANDS_96(c), c(d[96]), c(d[97]), c(d[98]), c(d[99])
#define SWIGLU_OPERANDS_104(c) SWIGLU_OPERANDS_100(c), c(d[100]), c(d[101]), c(d[102]), c(d[103])
#define SWIGLU_OPERANDS_108(c) SWIGLU_OPERANDS_104(c), c(d[104]), c(d[105]), c(d[106]), c(d[107])
#define SWIGLU_OPERANDS_112(c) SWIGLU_OPERANDS_108(c), c(d[108]), c(d[109]), c(d[110]), c(d[111])
#define SWIGLU_OPERANDS_116(c) SWIGLU_OPERANDS_112(c), c(d[112]), c(d[113]), c(d[114]), c(d[115])
#define SWIGLU_OPERANDS_120(c) SWIGLU_OPERANDS_116(c), c(d[116]), c(d[117]), c(d[118]), c(d[119])
#define SWIGLU_OPERANDS_124(c) SWIGLU_OPERANDS_120(c), c(d[120]), c(d[121]), c(d[122]), c(d[123])
#define SWIGLU_OPERANDS_128(c) SWIGLU_OPERANDS_124(c), c(d[124]), c(d[125]), c(d[126]), c(d[127])
// clang-format on
// NOLINTEND(cppcoreguidelines-macro-usage)
